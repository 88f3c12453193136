"""The identities that moved last: bounded, in order, and never waiting for a log."""

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from associate.trajectory import Kind, TrajectoryEvent, encode
from deploy.log.base import Log, Record, StoredRecord, Writer
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from deploy.results.recent_journeys import RecentJourneys, followed
from ingest.errors import LogError
from tests.associate.samples import event


def _event(identity: str, at_ns: int, kind: Kind = Kind.CONFIRMED) -> TrajectoryEvent:
    return msgspec.structs.replace(event(), identity=identity, at_ns=at_ns, kind=kind)


def test_the_last_that_moved_are_kept_newest_first() -> None:
    journeys = RecentJourneys(limit=3)
    for number in range(5):
        journeys.take(_event(f"z-{number}", number))
    assert [each.identity for each in journeys.newest(9)] == ["z-4", "z-3", "z-2"]
    journeys.take(_event("z-2", 7))
    journeys.take(_event("z-9", 8))
    assert [each.identity for each in journeys.newest(2)] == ["z-9", "z-2"]
    journeys.take(_event("z-2", 9, Kind.MERGED))
    assert [each.identity for each in journeys.newest(9)] == ["z-9", "z-4"]


def test_what_comes_later_is_taken_in_and_what_is_no_event_is_counted(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    writer = log.claim("writer")
    writer.commit([Record(TRAJECTORIES, "z-1", encode(_event("z-1", 1))), Record(TRAJECTORIES, "z-1", b"{}")])
    taken = threading.Event()
    with followed(log) as journeys:
        _wait(taken, lambda: len(journeys.newest(9)) == 1 and journeys.undecoded.total == 1)
        writer.commit([Record(TRAJECTORIES, "z-2", encode(_event("z-2", 2)))])
        _wait(taken, lambda: len(journeys.newest(9)) == 2)


class _Broker:
    """A log on a broker that does not answer, or answers with an error."""

    def __init__(self, *, fails: bool) -> None:
        self.asked, self.answer, self._fails = threading.Event(), threading.Event(), fails

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        self.asked.set()
        if self._fails:
            raise LogError("cannot read: rtsp://me:secret9@h/x is away")
        self.answer.wait(60)
        return []

    def claim(self, owner: str) -> Writer:
        raise NotImplementedError

    def end(self, topic: str) -> int:
        return 0

    def topic_id(self, topic: str) -> str:
        return ""

    def state_of(self, owner: str) -> Mapping[str, bytes]:
        return {}

    def kept_s(self, topic: str) -> float | None:
        return None

    def close(self) -> None:
        return None


def test_neither_a_look_nor_the_end_waits_for_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.results.recent_journeys.LEAVE_S", 0.01)
    broker = _Broker(fails=False)
    log: Log = broker
    with followed(log) as journeys:
        assert broker.asked.wait(10)
        assert journeys.newest(5) == []
    assert not broker.answer.is_set()
    broker.answer.set()


def test_a_log_that_fails_is_said_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.results.recent_journeys.RETRY_S", 0.01)
    broker, seen = _Broker(fails=True), threading.Event()
    with followed(broker) as journeys:
        _wait(seen, lambda: journeys.problem is not None)
        assert "cannot read" in str(journeys.problem)
        assert "secret9" not in str(journeys.problem)
        broker.asked.clear()
        assert broker.asked.wait(10)


def _wait(pause: threading.Event, done: "object") -> None:
    assert callable(done)
    for _ in range(1000):
        if done():
            return
        pause.wait(0.01)
    raise AssertionError("it has not come")
