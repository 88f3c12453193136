"""The log of one site: its own, and not that of other cameras or of an earlier version by mistake."""

import logging
from collections.abc import Iterable
from pathlib import Path

from deploy.log.address import log_url, on_this_machine, sqlite_path
from deploy.log.base import Log
from deploy.log.finding import only_log
from deploy.log.observations import pages_from_the_end
from deploy.log.opening import open_log
from deploy.log.sqlite_log import SqliteLog
from deploy.site.cameras.roster import read_roster
from deploy.site.config import Config, default_log_url, load_config
from ingest.errors import ConfigError, LogError

logger = logging.getLogger(__name__)

SHARED_LOG = Path("runs/corridor.db")
SHARED_CROPS = Path("runs/crops")
"""Crops folder of all configurations without a `[log]`, before each had a log of its own."""

NAMED_AT_MOST = 8


def open_site_log(config: Config, file: Path, *, must_exist: bool = False) -> Log:
    """Open the log that a configuration file names, or its own by default; `must_exist` for those who only read.

    Raises ConfigError where the log belongs to other cameras, and as `open_log`.
    """
    url = config.log.url
    if not on_this_machine(url):
        shared = open_log(config.log, must_exist=must_exist)
        _check_recent_cameras(shared, config, file)
        return shared
    old = _keep_the_old(config, file) if not sqlite_path(url).exists() else None
    if old and must_exist:
        raise ConfigError(f"there is no log {sqlite_path(url)} yet; {old}")
    log = open_log(url, must_exist=must_exist)
    assert isinstance(log, SqliteLog)
    _check_cameras(log, config, file)
    if old:
        logger.warning("a new log begins in %s; %s", log.path, old)
    return log


def open_asked_log(file: Path | None, url: str | None) -> Log:
    """Open the log that a command reads: the one at `url`, else that of a configuration, else the only one.

    Raises ConfigError where there is none, or several without a word which.
    """
    if file is not None and url is None:
        return open_site_log(load_config(file), file, must_exist=True)
    return open_log(log_url(url) if url else only_log(), must_exist=True)


def _keep_the_old(config: Config, file: Path) -> str | None:
    """Advice to go on with the log that all configurations shared, where it holds cameras of this one; else None."""
    if config.log.url != default_log_url(str(file)) or not SHARED_LOG.is_file():
        return None
    try:
        shared = SqliteLog(SHARED_LOG, must_exist=True)
    except LogError:
        return None
    known = set(shared.cameras()) & set(config.camera_ids)
    shared.close()
    if not known:
        return None
    crops = f' and [crops] folder = "{SHARED_CROPS}"' if config.crops.keep and SHARED_CROPS.is_dir() else ""
    return (
        f"{SHARED_LOG} holds what {_named(known)} saw until now: to go on with it, "
        f'put [log] url = "sqlite:{SHARED_LOG}"{crops} into {file}'
    )


def _check_cameras(log: SqliteLog, config: Config, file: Path) -> None:
    """Refuse a log of other cameras; say where it has more of them than the configuration."""
    there, ours = log.cameras(), set(read_roster(config, log).entries)
    others = [camera for camera in there if camera not in ours]
    if there and len(others) == len(there):
        log.close()
        raise ConfigError(
            f"the log {log.path} belongs to cameras {_named(there)}, and {file} has {_named(config.camera_ids)}: "
            'give it a log of its own, [log] url = "sqlite:PATH"'
        )
    if others:
        logger.warning("the log %s has cameras that are not in %s: %s", log.path, file, _named(others))


def _check_recent_cameras(log: Log, config: Config, file: Path) -> None:
    """As `_check_cameras` for a log on Kafka, by what was written to it last: live cameras speak once a second."""
    try:
        there = {record.key for record in next(pages_from_the_end(log), ()) if not record.key.startswith("zone/")}
        ours = set(read_roster(config, log).entries)
    except LogError as error:
        logger.info("whether other cameras write to this log is not known: %s", error)  # a camera's user only writes
        return
    where = f"{config.log.url}, prefix '{config.log.prefix}',"
    if there and not there & ours:
        log.close()
        raise ConfigError(
            f"the log {where} is written by cameras {_named(there)}, and {file} has {_named(config.camera_ids)}: "
            f'give each site topics of its own, [log] prefix = "{file.stem}."'
        )
    if there - ours:
        logger.warning("the log %s has cameras that are not in %s: %s", where, file, _named(sorted(there - ours)))


def _named(cameras: Iterable[str]) -> str:
    names = list(cameras)
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(sorted(names)[:NAMED_AT_MOST]) + more
