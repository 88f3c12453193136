"""The log on standard error: lines for people, or one JSON object a line for machines.

A terminal shows the cameras themselves, so that without `--verbose` only warnings stand beside them. Elsewhere, as in
the journal of a service, a line also says which camera comes and goes, and once a minute how all of them are.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum

from ingest.redact import RedactingFilter, redact

ROOMS = ("ingest", "detect", "embed", "associate", "training", "deploy")


class LogFormat(StrEnum):
    """Format of the lines on standard error."""

    TEXT = "text"
    JSON = "json"


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, and traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        traceback = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else None)
        if traceback:
            line["traceback"] = traceback
        return json.dumps(line, ensure_ascii=False)


def set_up_logging(*, verbose: bool, log_format: LogFormat) -> None:
    """Send the log of this process to standard error; other libraries' lines are one level quieter than ours."""
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if any(isinstance(it, RedactingFilter) for it in each.filters)]:
        root.removeHandler(earlier)  # it would write every line a second time
    handler = _handler(log_format)
    handler.addFilter(RedactingFilter())
    root.addHandler(handler)
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    quiet = sys.stderr.isatty() and log_format is LogFormat.TEXT
    ours = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    for room in ROOMS:
        logging.getLogger(room).setLevel(ours)
    logging.captureWarnings(log_format is LogFormat.JSON)


def _handler(log_format: LogFormat) -> logging.Handler:
    if log_format is LogFormat.TEXT and sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        return RichHandler(console=Console(stderr=True), show_time=False, show_path=False, markup=False)
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonLines() if log_format is LogFormat.JSON else logging.Formatter("%(levelname)s: %(message)s")
    )
    return handler


def write_error(error: BaseException) -> None:
    """The last line of a command that failed: `error: …`, or as JSON where the log is."""
    words = " ".join(redact(str(error)).split())
    if any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers):
        logging.getLogger("deploy.cli").error("%s", words)
    else:
        sys.stderr.write(f"error: {words}\n")
