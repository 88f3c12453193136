"""The invariants of a log, after whatever has happened to those who wrote it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from associate.associator import Associator
from associate.trajectory import decode as decode_event
from deploy.log.base import Log
from deploy.log.observations import read_messages
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import IDENTITIES, OBSERVATIONS, TRAJECTORIES
from deploy.site.association_state import check_whole, owner_of
from deploy.site.replay import replay
from embed.observation import CameraEpoch
from ingest.errors import ConfigError

EVERYTHING = 1_000_000


LOST = ("messages lost", "events that only a replay has")
DUPLICATES = ("messages read twice", "events twice")
"""What is checked, by kind; whatever else does not hold is torn."""


class Findings(dict[str, int]):
    """How often each thing that is checked does not hold."""

    @property
    def violations(self) -> list[str]:
        """In words; empty where all holds."""
        return [f"{count} {name}" for name, count in self.items() if count]

    @property
    def lost(self) -> int:
        return sum(self[name] for name in LOST)

    @property
    def duplicates(self) -> int:
        return sum(self[name] for name in DUPLICATES)

    @property
    def torn(self) -> int:
        return sum(self.values()) - self.lost - self.duplicates


class Name(NamedTuple):
    """What tells a message of a camera from all others."""

    camera: str
    epoch: CameraEpoch
    number: int


def check(log: Log, said: Iterable[Name], heard: Sequence[bytes], associator: Associator, path: Path) -> Findings:
    """Check a log against what has been said and heard, and against a replay.

    said: what cameras have said while they owned their name. heard: the events that a consumer heard meanwhile. The
    observations are replayed by `associator` into a new log at `path`.
    """
    found = Counter(Name(it.camera, it.epoch, it.count or 0) for it in read_messages(log))
    events = [record.value for record in log.read(TRAJECTORIES, 0, EVERYTHING)]
    replay(log, path, "main", associator)
    with closing(SqliteLog(path, must_exist=True)) as again:
        expected = [record.value for record in again.read(TRAJECTORIES, 0, EVERYTHING)]
    return Findings(
        {
            "messages lost": len(set(said) - found.keys()),
            "messages read twice": sum(count - 1 for count in found.values()),
            "events twice": len(events) - len({decode_event(value).id for value in events}),
            "events that a replay does not have": len(Counter(events) - Counter(expected)),
            "events that only a replay has": len(Counter(expected) - Counter(events)),
            "events in another order than in a replay": int(sorted(events) == sorted(expected) and events != expected),
            "revisions out of order": _out_of_order(events),
            "identities that are not as their last event": _stale(log, events),
            "events that a consumer heard otherwise": int(list(heard) != events),
            "states that are not whole": _not_whole(log),
        }
    )


def _not_whole(log: Log) -> int:
    writer = log.claim(owner_of("main"))
    try:
        check_whole(writer.state, "main", log.topic_id(OBSERVATIONS))
    except ConfigError:
        return 1
    return 0


def _out_of_order(events: Sequence[bytes]) -> int:
    latest, wrong = Counter[str](), 0
    for event in map(decode_event, events):
        wrong += event.revision != latest[event.identity] + 1
        latest[event.identity] = event.revision
    return wrong


def _stale(log: Log, events: Sequence[bytes]) -> int:
    last = {decode_event(value).identity: value for value in events}
    kept = {record.key: record.value for record in log.read(IDENTITIES, 0, EVERYTHING)}
    return sum(kept.get(identity) != value for identity, value in last.items()) + len(kept.keys() - last.keys())
