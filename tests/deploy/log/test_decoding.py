"""Records that cannot be decoded: counted by reason, once, and said by whoever reads them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from associate.trajectory import decode as decode_event
from associate.trajectory import encode as encode_event
from deploy.log.base import Log, Record
from deploy.log.decoding import Reason, Undecoded, decoded
from deploy.log.observations import read_messages, read_observations
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.results.journeys import read_events, read_journeys
from deploy.results.mosaic import largest_boxes, read_paths
from deploy.results.reading import read_events as consumed_events
from deploy.results.reading import read_observations as consumed_observations
from deploy.results.scored_run import read_run
from embed.observation import encode
from tests.associate.samples import event
from tests.embed.samples import observation, tick

SEEN = encode(observation("a"))
BEYOND = msgspec.msgpack.encode({**msgspec.msgpack.decode(SEEN), "quality": 7.0})
EVENT = encode_event(event())
MADE_UP = msgspec.json.encode({**msgspec.json.decode(EVENT), "kind": "vanished"})

BAD: dict[str, list[tuple[bytes, Reason]]] = {
    OBSERVATIONS: [
        (b"", Reason.EMPTY),
        (SEEN[:40], Reason.DAMAGED),
        (msgspec.msgpack.encode({"type": "advert"}), Reason.OTHER_FORM),
        (BEYOND, Reason.IMPOSSIBLE),
    ],
    TRAJECTORIES: [
        (b"", Reason.EMPTY),
        (EVENT[:-9], Reason.DAMAGED),
        (b"\xff\xfe", Reason.DAMAGED),
        (MADE_UP, Reason.OTHER_FORM),
    ],
}
GOOD = {OBSERVATIONS: [SEEN, encode(tick("a"))], TRAJECTORIES: [EVENT, EVENT]}

READERS: dict[str, tuple[str, Callable[[Log, Undecoded | None], Any]]] = {
    "read_messages": (OBSERVATIONS, read_messages),
    "read_observations": (OBSERVATIONS, read_observations),
    "read_paths": (OBSERVATIONS, read_paths),
    "largest_boxes": (OBSERVATIONS, largest_boxes),
    "read_run": (OBSERVATIONS, read_run),
    "read_events": (TRAJECTORIES, read_events),
    "read_journeys": (TRAJECTORIES, read_journeys),
}


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """Between what can be read stands what cannot."""
    log = SqliteLog(tmp_path / "log.db")
    records = []
    for topic, bad in BAD.items():
        records += [Record(topic, "a", value) for value in (GOOD[topic][0], *(v for v, _ in bad), GOOD[topic][1])]
    log.claim("writer").commit(records)
    return log


def _read(reader: Callable[[Log, Undecoded | None], Any], log: Log, undecoded: Undecoded | None) -> None:
    read = reader(log, undecoded)
    if isinstance(read, Iterable):
        list(read)


@pytest.mark.parametrize(("topic", "reader"), READERS.values(), ids=READERS)
def test_every_reader_counts_by_reason(
    log: SqliteLog, topic: str, reader: Callable[[Log, Undecoded | None], Any], caplog: pytest.LogCaptureFixture
) -> None:
    undecoded = Undecoded()
    for _ in range(2):  # what is read twice counts once
        _read(reader, log, undecoded)
    assert undecoded.total == 4
    expected = [reason for _, reason in BAD[topic]]
    assert undecoded.counts[topic] == {reason: expected.count(reason) for reason in expected}
    assert "4 records of the topic" in str(undecoded)
    assert not caplog.messages, "whoever asks for the count says it"


@pytest.mark.parametrize(("topic", "reader"), READERS.values(), ids=READERS)
def test_without_anybody_to_say_it_a_reader_warns_once(
    log: SqliteLog, topic: str, reader: Callable[[Log, Undecoded | None], Any], caplog: pytest.LogCaptureFixture
) -> None:
    _read(reader, log, None)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"4 records of the topic {topic} cannot be decoded and are left out: 1 empty")


def test_what_can_be_decoded_comes_in_its_order(log: SqliteLog) -> None:
    assert list(decoded(log, TRAJECTORIES, decode_event, Undecoded())) == [event(), event()]
    assert list(read_observations(log, Undecoded())) == [observation("a")]


def test_a_log_that_can_be_read_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.claim("writer").commit([Record(OBSERVATIONS, "a", value) for value in GOOD[OBSERVATIONS]])
    undecoded = Undecoded()
    assert len(list(read_messages(log, undecoded))) == 2
    assert (str(undecoded), undecoded.total, caplog.messages) == ("", 0, [])


@pytest.mark.parametrize(("read", "topic"), [(consumed_events, TRAJECTORIES), (consumed_observations, OBSERVATIONS)])
def test_programs_that_consume_are_warned_at_the_end(
    log: SqliteLog, read: Callable[[Path], Any], topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(read(log.path))
    assert [line[: line.index(" cannot")] for line in caplog.messages] == [f"4 records of the topic {topic}"]


def test_those_that_follow_are_warned_of_the_first_and_of_all_when_they_leave(
    log: SqliteLog, caplog: pytest.LogCaptureFixture
) -> None:
    events = consumed_events(log.path, follow=True)
    assert [next(events), next(events)] == [event(), event()]
    assert [line[:9] for line in caplog.messages] == ["1 records"]
    events.close()  # type: ignore[attr-defined]
    assert [line[:9] for line in caplog.messages] == ["1 records", "4 records"]
