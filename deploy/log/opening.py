"""From a log's URL to the log."""

from pathlib import Path

from deploy.log.base import Log
from ingest.errors import ConfigError


def check_log_url(url: str) -> None:
    """Refuse a URL that names no kind of log; raises ConfigError."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite" or not rest:
        raise ConfigError(f"log.url '{url}' is not known (use sqlite:PATH)")


def open_log(url: str, *, must_exist: bool = False) -> Log:
    """The log of a URL; `must_exist` for those who only read. Raises ConfigError or LogError."""
    check_log_url(url)
    from deploy.log.sqlite_log import SqliteLog

    path = Path(url.removeprefix("sqlite:"))
    if must_exist and not path.is_file():
        raise ConfigError(
            f"there is no log {path} in {Path.cwd()} (start `corridor run FILE` first, or name a log with --log)"
        )
    return SqliteLog(path)
