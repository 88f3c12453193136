"""Opening of a log by its URL, or by the `[log]` table of a configuration."""

from pathlib import Path

from deploy.log.address import on_this_machine, sqlite_path
from deploy.log.base import Log
from deploy.log.settings import LogSettings, check_log
from ingest.errors import ConfigError


def open_log(log: str | LogSettings, *, must_exist: bool = False) -> Log:
    """The log of a URL or of a configuration's `[log]`; `must_exist` for those who only read.

    Raises ConfigError or LogError. A URL says neither a prefix nor a way in, so it is for a cluster that asks for none.
    """
    settings = LogSettings(url=log) if isinstance(log, str) else log
    check_log(settings)
    if not on_this_machine(settings.url):
        from deploy.log.kafka_cluster import cluster_of
        from deploy.log.kafka_log import KafkaLog

        return KafkaLog(cluster_of(settings), connect_timeout_s=settings.connect_timeout_s)
    from deploy.log.sqlite_log import SqliteLog

    path = sqlite_path(settings.url)
    if must_exist and not path.is_file():
        raise ConfigError(
            f"there is no log {path} in {Path.cwd()} (start `corridor run FILE` first, or name another log)"
        )
    return SqliteLog(path, must_exist=must_exist)
