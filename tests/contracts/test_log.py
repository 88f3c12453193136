"""What every log keeps to: SQLite, and Kafka where a broker can be had (tests/contracts/kafka_broker.py)."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from deploy.log.append_times import MS
from deploy.log.base import Log, Record, StoredRecord
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from ingest.clock import NS
from ingest.errors import FencedError, LogError
from tests.conftest import ROOT
from tests.contracts.log_places import KafkaPlace, Place, SqlitePlace, open_address

SOON_S = 20.0

T = TypeVar("T")


@pytest.fixture(params=["sqlite", "kafka"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[Place]:
    made: Place = SqlitePlace(tmp_path) if kind == "sqlite" else KafkaPlace()
    yield made
    made.close()


def observation(number: int, key: str = "north") -> Record:
    return Record(OBSERVATIONS, key, str(number).encode())


def numbers(records: list[StoredRecord]) -> list[int]:
    return [int(record.value) for record in records]


def soon(log: Log, topic: str, count: int) -> list[StoredRecord]:
    """What a handle that has not written itself sees, as soon as it sees that much."""
    deadline = time.monotonic() + SOON_S
    while len(found := log.read(topic, 0, count + 10)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_an_empty_log(place: Place) -> None:
    log = place.open()
    assert log.read(OBSERVATIONS, 0, 10) == []
    assert log.end(OBSERVATIONS) == 0
    writer = log.claim("zone/main")
    assert (writer.generation, writer.position, dict(writer.state)) == (1, 0, {})
    writer.commit([])
    assert (writer.position, dict(writer.state)) == (0, {})
    assert log.read(OBSERVATIONS, 0, 10) == []


def test_records_come_back_in_order_with_rising_offsets(place: Place) -> None:
    log = place.open()
    writer = log.claim("camera/north")
    writer.commit([observation(0), observation(1, "south")])
    writer.commit([observation(2)])
    found = log.read(OBSERVATIONS, 0, 10)
    assert [(record.key, record.value) for record in found] == [("north", b"0"), ("south", b"1"), ("north", b"2")]
    offsets = [record.offset for record in found]
    assert offsets == sorted(set(offsets))
    assert offsets[0] > 0
    assert log.end(OBSERVATIONS) >= offsets[-1]
    assert log.read(OBSERVATIONS, 0, 10) == found


def test_what_is_committed_is_read_at_once(place: Place) -> None:
    log = place.open()
    writer = log.claim("camera/north")
    for number in range(20):
        writer.commit([observation(number)])
        assert numbers(log.read(OBSERVATIONS, 0, 100)) == list(range(number + 1))
    assert numbers(soon(place.open(), OBSERVATIONS, 20)) == list(range(20))


def test_every_record_has_its_append_time(place: Place) -> None:
    """By the clock of its writer, in whole milliseconds, the same for every reader."""
    log = place.open()
    writer = log.claim("camera/north")
    marks = [time.time_ns() // MS * MS]
    for number in range(3):
        writer.commit([observation(number), observation(number)])
        marks.append(time.time_ns())
    found = log.read(OBSERVATIONS, 0, 10)
    assert all(record.appended_ns % MS == 0 for record in found)
    for number, (first, second) in enumerate(zip(found[::2], found[1::2], strict=True)):
        assert marks[number] // MS * MS <= first.appended_ns <= second.appended_ns <= marks[number + 1]
    assert soon(place.open(), OBSERVATIONS, 6) == found


def test_a_copy_keeps_append_times(place: Place) -> None:
    """To the millisecond; records beside it, which bring none, have the time of their writer's clock."""
    log = place.open()
    writer = log.claim("camera/north")
    now_ns = time.time_ns()
    times_ns = [0, 86_400 * NS, now_ns - 3600 * NS, now_ns - 3600 * NS, now_ns - 7200 * NS]
    writer.commit([Record(OBSERVATIONS, "north", b"%d" % n, at) for n, at in enumerate(times_ns)] + [observation(5)])
    found = log.read(OBSERVATIONS, 0, 10)
    assert [record.appended_ns for record in found[:5]] == [at // MS * MS for at in times_ns]
    assert found[5].appended_ns >= now_ns // MS * MS
    again = [Record(TRAJECTORIES, record.key, record.value, record.appended_ns) for record in found]
    writer.commit(again)
    assert [record.appended_ns for record in log.read(TRAJECTORIES, 0, 10)] == [it.appended_ns for it in found]


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages(place: Place, limit: int) -> None:
    log = place.open()
    writer = log.claim("camera/north")
    for first in range(0, 10, 5):
        writer.commit([observation(number) for number in range(first, first + 5)])
    whole = log.read(OBSERVATIONS, 0, 100)
    pages: list[StoredRecord] = []
    while page := log.read(OBSERVATIONS, pages[-1].offset if pages else 0, limit):
        assert len(page) <= limit
        pages += page
    assert pages == whole
    assert numbers(pages) == list(range(10))
    assert log.read(OBSERVATIONS, whole[3].offset, limit) == whole[4 : 4 + limit]
    assert log.read(OBSERVATIONS, log.end(OBSERVATIONS), limit) == []
    assert log.read(OBSERVATIONS, 0, 0) == []


def test_topics_are_apart(place: Place) -> None:
    log = place.open()
    log.claim("zone/main").commit([observation(1), Record(TRAJECTORIES, "a", b"2"), observation(3)])
    assert numbers(log.read(OBSERVATIONS, 0, 10)) == [1, 3]
    assert numbers(log.read(TRAJECTORIES, 0, 10)) == [2]
    assert log.read(DEAD_LETTERS, 0, 10) == []


def test_a_failure_in_the_middle_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    log = place.open()
    writer = log.claim("zone/main")
    writer.commit([observation(0)], state={"kept": b"yes"}, position=3)
    with monkeypatch.context() as patch:
        place.break_commits(patch)
        with pytest.raises(LogError) as raised:
            writer.commit([observation(1)], state={"kept": None, "new": b"x"}, position=4)
        assert not isinstance(raised.value, FencedError)
        assert "\n" not in str(raised.value)
    assert (writer.position, dict(writer.state)) == (3, {"kept": b"yes"})
    other = place.open()
    successor = other.claim("zone/main")
    assert (successor.position, dict(successor.state)) == (3, {"kept": b"yes"})
    assert numbers(other.read(OBSERVATIONS, 0, 10)) == [0]
    successor.commit([observation(1)], state={"new": b"x"}, position=4)
    assert numbers(other.read(OBSERVATIONS, 0, 10)) == [0, 1]


def test_a_restart_goes_on(place: Place) -> None:
    first = place.open()
    writer = first.claim("zone/main")
    writer.commit([observation(0)], state={"a|b": b"1", "c": b"\x00\xff", "ü": b""}, position=17)
    writer.commit([], state={"c": b"2"})
    writer.commit([], position=18)
    first.close()
    again = place.open().claim("zone/main")
    assert again.generation == writer.generation + 1
    assert again.position == writer.position == 18
    assert dict(again.state) == dict(writer.state) == {"a|b": b"1", "c": b"2", "ü": b""}


def test_who_looks_on_sees_the_committed_state_and_fences_nobody(place: Place) -> None:
    onlooker, log = place.open(), place.open()
    assert dict(onlooker.state_of("zone/main")) == {}
    writer = log.claim("zone/main")
    writer.commit([], state={"a|b": b"1", "c": b"2"})
    writer.commit([], state={"c": None, "d": b"3"})
    log.claim("zone/other").commit([], state={"e": b"4"})
    assert dict(onlooker.state_of("zone/main")) == {"a|b": b"1", "d": b"3"}
    writer.commit([], state={"d": b"5"})
    assert dict(onlooker.state_of("zone/main")) == {"a|b": b"1", "d": b"5"}


def test_none_deletes_a_key(place: Place) -> None:
    writer = place.open().claim("zone/main")
    writer.commit([], state={"a": b"1", "b": b"2", "never": None})
    writer.commit([], state={"a": None})
    assert dict(writer.state) == {"b": b"2"}
    again = place.open().claim("zone/main")
    assert dict(again.state) == {"b": b"2"}
    again.commit([], state={"a": b"3", "b": None})
    assert dict(place.open().claim("zone/main").state) == {"a": b"3"}


def test_the_next_owner_fences_the_one_before(place: Place) -> None:
    log = place.open()
    writers = [log.claim("zone/main")]
    for _ in range(2):
        writers.append(place.open().claim("zone/main"))
        before, now = writers[-2:]
        assert now.generation == before.generation + 1
        with pytest.raises(FencedError, match="zone/main"):
            before.commit([observation(666)], state={"lost": b"x"}, position=666)
        now.commit([observation(now.generation)], position=now.generation)
    with pytest.raises(FencedError):
        writers[0].commit([observation(666)])
    assert numbers(soon(log, OBSERVATIONS, 2)) == [2, 3]
    last = place.open().claim("zone/main")
    assert (last.generation, last.position, dict(last.state)) == (4, 3, {})


def test_claims_at_the_same_time_agree_on_one_owner(place: Place) -> None:
    logs = [place.open() for _ in range(3)]
    claimed = in_threads([partial(log.claim, "zone/main") for log in logs])
    assert len({writer.generation for writer in claimed}) == 3
    newest = max(claimed, key=lambda writer: writer.generation)
    for writer in claimed:
        if writer is not newest:
            with pytest.raises(FencedError):
                writer.commit([observation(666)])
    newest.commit([observation(1)])
    assert numbers(soon(logs[0], OBSERVATIONS, 1)) == [1]


def test_owners_do_not_disturb_each_other(place: Place) -> None:
    log = place.open()
    one, two = log.claim("camera/one"), log.claim("camera/one-two")
    one.commit([observation(1)], state={"k": b"one"}, position=1)
    two.commit([observation(2)], state={"k": b"two"}, position=2)
    again = place.open().claim("camera/one")
    two.commit([observation(3)], state={"more": b"m"})
    again.commit([observation(4)])
    assert (again.position, dict(again.state)) == (1, {"k": b"one"})
    assert two.generation == 1
    assert numbers(soon(log, OBSERVATIONS, 4)) == [1, 2, 3, 4]
    third = place.open().claim("camera/one-two")
    assert (third.position, dict(third.state)) == (2, {"k": b"two", "more": b"m"})


def test_a_compacted_topic_keeps_the_last_of_a_key(place: Place) -> None:
    log = place.open()
    writer = log.claim("zone/main")
    for number in range(5):
        writer.commit([Record(IDENTITIES, f"v{number % 2}", str(number).encode())])
    found = log.read(IDENTITIES, 0, 100)
    assert {record.key: record.value for record in found} == {"v0": b"4", "v1": b"3"}
    assert numbers(found) == sorted(numbers(found))
    if place.compacts_at_once:
        assert len(found) == 2


def test_big_values(place: Place) -> None:
    log = place.open()
    writer = log.claim("zone/main")
    big = bytes(range(256)) * 800
    writer.commit([Record(TRAJECTORIES, "a", big), Record(TRAJECTORIES, "b", b"")] * 8, state={"big": big})
    found = log.read(TRAJECTORIES, 0, 100)
    assert [record.value for record in found] == [big, b""] * 8
    assert dict(place.open().claim("zone/main").state) == {"big": big}


def test_threads_share_a_log(place: Place) -> None:
    log = place.open()
    commits, owners = 15, 4
    seen: list[StoredRecord] = []

    def write(owner: str) -> None:
        writer = log.claim(f"camera/{owner}")
        for number in range(0, 2 * commits, 2):
            writer.commit([observation(number, owner), observation(number + 1, owner)], position=number)

    def read() -> None:
        deadline = time.monotonic() + SOON_S
        while len(seen) < 2 * commits * owners and time.monotonic() < deadline:
            seen.extend(log.read(OBSERVATIONS, seen[-1].offset if seen else 0, 7))

    works: list[Callable[[], None]] = [*(partial(write, name) for name in "abcd"), read]
    in_threads(works)
    assert seen == log.read(OBSERVATIONS, 0, 1000)
    for name in "abcd":
        assert numbers([record for record in seen if record.key == name]) == list(range(2 * commits))


def test_kill_9_leaves_records_state_and_position_in_step(place: Place, kind: str) -> None:
    log = place.open()
    for kill_after in (1, 10, 25):
        code = f"from {__name__} import commit_until_killed as f; f({kind!r}, {place.address!r})"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process, process.stdout as lines:
            for _, line in zip(range(kill_after), lines, strict=False):
                acknowledged = int(line)
            process.kill()
        writer = log.claim("zone/main")
        assert writer.position >= acknowledged >= kill_after
        assert writer.state["count"] == str(writer.position).encode()
        expected = list(range(1, writer.position + 1))
        assert numbers(log.read(OBSERVATIONS, 0, 10_000)) == expected
        assert numbers(log.read(TRAJECTORIES, 0, 10_000)) == expected


def commit_until_killed(kind: str, address: str) -> None:
    """The program that the test above kills: every commit holds one number in four places."""
    writer = open_address(kind, address).claim("zone/main")
    while True:
        number = writer.position + 1
        value = str(number).encode()
        records = [Record(OBSERVATIONS, "k", value), Record(TRAJECTORIES, "k", value)]
        writer.commit(records, state={"count": value}, position=number)
        print(number, flush=True)


def in_threads(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run all at once; what one raises is raised here."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(work) for work in works]]
