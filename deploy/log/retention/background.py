"""Retention of a site's log, beside what runs: once a minute on SQLite; Kafka sees to its own."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from deploy.log.address import on_this_machine, sqlite_path
from deploy.log.retention.by_age import SqliteRetention
from deploy.log.settings import LogSettings
from deploy.log.sqlite_log import SqliteLog
from deploy.site.repeating import repeating
from ingest.errors import LogError

logger = logging.getLogger(__name__)

EVERY_S = 60.0


@contextmanager
def log_retention(settings: LogSettings) -> Iterator[None]:
    """Keep a log on this machine to `keep_days` while the body runs; nothing is done without that key."""
    if settings.keep_days is None or not on_this_machine(settings.url):
        yield
        return
    # A connection of its own: a sweep waits its turn as other processes do.
    with closing(SqliteLog(sqlite_path(settings.url))) as log:
        retention = SqliteRetention(log, settings.keep_days)

        def sweep() -> None:
            try:
                removed = retention.sweep()
            except LogError as error:
                logger.warning("old records stay for now: %s", error)
                return
            if removed:
                words = ", ".join(f"{count} of {topic}" for topic, count in removed.items())
                logger.info("removed records older than %g days: %s", settings.keep_days, words)

        with repeating(sweep, every_s=EVERY_S):
            yield
