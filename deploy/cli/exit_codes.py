"""The exit codes of every command, in one table (docs/exit-codes.md): whoever starts a command decides by them."""

from enum import IntEnum

from ingest.errors import CorridorError, FencedError, LogError, LogOpeningError
from ingest.signals import INTERRUPTED


class ExitCode(IntEnum):
    """Meaning of a command's end; 1 is left to Python: an error that Corridor does not know, with a traceback."""

    DONE = 0
    USER_ERROR = 2
    PARTLY = 3
    TAKEN_OVER = 4
    LOG_GIVEN_UP = 70  # EX_SOFTWARE of sysexits.h: not the user's doing, and worth another try
    STOPPED = INTERRUPTED


def exit_code(error: CorridorError) -> ExitCode:
    """The code of a command that an error has ended."""
    if isinstance(error, FencedError):
        return ExitCode.TAKEN_OVER
    if isinstance(error, LogError) and not isinstance(error, LogOpeningError):
        return ExitCode.LOG_GIVEN_UP
    return ExitCode.USER_ERROR
