"""Association once more over the observations of a log, into a new log, as fast as the processor allows."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from associate.associator import Associator
from deploy.log.base import Log, Record, StoredRecord
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import FORGOTTEN, OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from ingest.clock import SystemClock
from ingest.errors import ConfigError

PAGE = 500
"""Records that are copied, and then taken in, together."""

OWNER = "replay"


class AppendClock(SystemClock):
    """A clock whose time is the append time of the record that the replay has come to."""

    def __init__(self) -> None:
        self.appended_ns = 0

    def now_ns(self) -> int:
        return self.appended_ns


def replay(
    source: Log, path: Path, zone: str, associator: Associator, report: Callable[[int], None] = lambda offset: None
) -> Counter[str]:
    """Copy every observation into a new SQLite log with its append time, and associate there; returns the counts.

    What is to be forgotten is copied, too, so that no index of the new log takes it in.

    What association writes has the append time of the last observation that it was made of, so that two replays are
    alike to the byte. `report` gets the offset that has been reached. Raises ConfigError where `path` is there already
    or cannot be written; where the replay fails or is stopped, nothing is left of it.
    """
    with _whole_or_not_at_all(path) as unfinished:
        clock = AppendClock()
        with closing(SqliteLog(unfinished, clock=clock)) as target:
            copy = target.claim(OWNER)
            worker = AssociationWorker(target, zone, associator, batch=PAGE)
            for page in _pages(source, FORGOTTEN):
                copy.commit(_copies(FORGOTTEN, page))
            for page in _pages(source, OBSERVATIONS):
                offset, clock.appended_ns = page[-1].offset, page[-1].appended_ns
                copy.commit(_copies(OBSERVATIONS, page))
                worker.drain()
                report(offset)
    return worker.counts


def _pages(source: Log, topic: str) -> Iterator[list[StoredRecord]]:
    """The records of a topic in pages."""
    offset = 0
    while page := source.read(topic, offset, PAGE):
        offset = page[-1].offset
        yield page


def _copies(topic: str, page: list[StoredRecord]) -> list[Record]:
    return [Record(topic, each.key, each.value, each.appended_ns) for each in page]


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[Path]:
    """Give a log its name only when it is complete."""
    if path.exists():
        raise ConfigError(f"there is {path} already; name another log with -o")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        _remove(unfinished)  # of a replay that was killed
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield unfinished
        unfinished.rename(path)
    finally:
        _remove(unfinished)


def _remove(log: Path) -> None:
    for each in (log, *(log.with_name(f"{log.name}{ending}") for ending in ("-wal", "-shm"))):
        each.unlink(missing_ok=True)
