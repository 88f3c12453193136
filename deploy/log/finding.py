"""The logs of a working directory, for those who name none."""

from pathlib import Path

from deploy.log.sqlite_log import SqliteLog
from ingest.errors import ConfigError, LogError

RUNS = Path("runs")
PLACES = ("*.db", "*/*.db", "*/*/*.db")
"""runs/demo/demo.db, runs/SITE/corridor.db, runs/city/PRESET/corridor.db."""

LISTED_AT_MOST = 20


def logs_below(folder: Path) -> list[Path]:
    """The logs of Corridor in a folder and two levels below, in the order of their names."""
    return [path for pattern in PLACES for path in sorted(folder.glob(pattern)) if _is_log(path)]


def _is_log(path: Path) -> bool:
    try:
        SqliteLog(path, must_exist=True).close()
    except LogError:
        return False
    return True


def only_log(folder: Path = RUNS) -> str:
    """The URL of the only log below a folder; raises ConfigError, with their names, where there is not just one."""
    urls = [f"sqlite:{path}" for path in logs_below(folder)]
    if not urls:
        raise ConfigError(
            f"there is no log below {folder} in {Path.cwd()} (start `corridor run FILE` first, or name one with --log)"
        )
    if len(urls) > 1:
        more = f" and {len(urls) - LISTED_AT_MOST} more" if len(urls) > LISTED_AT_MOST else ""
        raise ConfigError(
            f"there are {len(urls)} logs below {folder}; name one with --log, or give the configuration: "
            f"{', '.join(urls[:LISTED_AT_MOST])}{more}"
        )
    return urls[0]
