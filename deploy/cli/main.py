"""The start of the `corridor` command: handlers of signals first, then libraries, then what was asked for."""

import io
import os
import sys

from deploy.cli.exit_codes import ExitCode, exit_code
from ingest.errors import CorridorError
from ingest.redact import redact_tracebacks
from ingest.signals import check_interrupted, interrupt_on_signals


def main() -> None:
    """Run the command and end the process with an exit code; a CorridorError is one line on standard error."""
    interrupt_on_signals()
    redact_tracebacks()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that is not UTF-8, or a terminal that knows ASCII only
            stream.reconfigure(errors="backslashreplace")
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(ExitCode.STOPPED)
    except CorridorError as error:
        _say(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        _end_of_pipe()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer makes 1 of it
            _end_of_pipe()
        raise


def _run() -> None:
    try:
        from deploy.cli.app import app

        check_interrupted()
        app()
    except ImportError as error:
        check_interrupted()  # what an interrupted import raises is not always the interruption
        if "libGL" not in str(error) and "libglib" not in str(error):
            raise
        raise CorridorError(
            f"OpenCV needs a system library: {error} (Debian, Ubuntu: apt-get install libgl1 libglib2.0-0)"
        ) from error


def _say(error: CorridorError) -> None:
    from deploy.cli.terminal.log_lines import write_error

    write_error(error)


def _end_of_pipe() -> None:
    """The reader of our output has gone, as `head` does; do not complain at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(ExitCode.DONE)


if __name__ == "__main__":
    main()
