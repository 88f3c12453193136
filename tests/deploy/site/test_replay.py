"""A replay: the same observations, append times kept, the same bytes every time, and nothing left of one that fails."""

from pathlib import Path

import msgspec
import pytest

from associate.associator import Associator
from deploy.log.append_times import MS
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import ALL, DEAD_LETTERS, FORGOTTEN, IDENTITIES, OBSERVATIONS, TOPOLOGY, TRAJECTORIES
from deploy.site import replay as replay_module
from deploy.site.replay import replay
from embed.observation import encode
from ingest.clock import NS, ManualClock
from ingest.errors import ConfigError, LogError
from tests.associate.samples import SETTINGS, associator, convoy
from tests.deploy.site.test_association_worker import worker
from tests.embed.samples import correction

BEGINS_NS = 1_700_000_000 * NS


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """A convoy that came onto the log 0.1 s a record, with a control and what cannot be decoded."""
    clock = ManualClock(BEGINS_NS)
    log = SqliteLog(tmp_path / "log.db", clock=clock)
    writer = log.claim("cameras")
    records = [Record(OBSERVATIONS, message.camera, encode(message)) for message in convoy(6)]
    records[40:40] = [Record(OBSERVATIONS, "zone/z", encode(correction(at_s=0))), Record(OBSERVATIONS, "a", b"\x93")]
    records.append(Record(FORGOTTEN, "z-1", b"{}"))
    for record in records:
        clock.sleep(0.1)
        writer.commit([record])
    return log


def test_it_says_what_association_says_and_keeps_append_times(log: SqliteLog, tmp_path: Path) -> None:
    counts = replay(log, tmp_path / "new.db", "z", associator())
    made = SqliteLog(tmp_path / "new.db", must_exist=True)
    assert made.read(OBSERVATIONS, 0, 10_000) == log.read(OBSERVATIONS, 0, 10_000)
    worker(log).drain()
    for topic in (OBSERVATIONS, TRAJECTORIES, IDENTITIES, TOPOLOGY, DEAD_LETTERS, FORGOTTEN):
        found, expected = made.read(topic, 0, 10_000), log.read(topic, 0, 10_000)
        assert [(it.key, it.value) for it in found] == [(it.key, it.value) for it in expected]
        assert len(found) > 0
    assert counts["records"] == log.end(OBSERVATIONS)
    assert counts["events"] == log.end(TRAJECTORIES)
    assert counts["dead_letters"] == log.end(DEAD_LETTERS) == 1


@pytest.mark.parametrize("page", [1, 37, 500])
def test_two_replays_are_alike_to_the_append_time(
    log: SqliteLog, tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "PAGE", page)
    for name in ("one.db", "two.db"):
        replay(log, tmp_path / name, "z", associator())
    one, two = (SqliteLog(tmp_path / name, must_exist=True) for name in ("one.db", "two.db"))
    assert {topic: one.read(topic, 0, 10_000) for topic in ALL} == {topic: two.read(topic, 0, 10_000) for topic in ALL}
    times_ns = [record.appended_ns for record in one.read(TRAJECTORIES, 0, 10_000)]
    assert times_ns == sorted(times_ns)
    assert set(times_ns) <= {record.appended_ns for record in log.read(OBSERVATIONS, 0, 10_000)}
    assert BEGINS_NS < times_ns[0] <= times_ns[-1] <= BEGINS_NS + log.end(OBSERVATIONS) * 100 * MS


def test_another_setting_makes_other_links(log: SqliteLog, tmp_path: Path) -> None:
    strict = Associator(msgspec.structs.replace(SETTINGS, travel=[]), cameras=("a", "b", "c"), encoder="colour@1")
    replay(log, tmp_path / "strict.db", "z", strict)
    made = SqliteLog(tmp_path / "strict.db", must_exist=True)
    assert b'"extended"' not in b"".join(record.value for record in made.read(TRAJECTORIES, 0, 10_000))


def test_a_log_that_is_there_is_not_written_over(log: SqliteLog, tmp_path: Path) -> None:
    before = log.read(OBSERVATIONS, 0, 10_000)
    with pytest.raises(ConfigError, match=r"there is .*log\.db already"):
        replay(log, tmp_path / "log.db", "z", associator())
    assert log.read(OBSERVATIONS, 0, 10_000) == before


def test_a_place_that_cannot_be_is_said(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write .*file/new\.db: Not a directory"):
        replay(log, tmp_path / "file" / "new.db", "z", associator())


def test_what_a_killed_replay_has_left_is_not_in_the_way(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "new.db.part").write_bytes(b"half of a log")
    assert replay(log, tmp_path / "new.db", "z", associator())["records"] == log.end(OBSERVATIONS)
    assert not (tmp_path / "new.db.part").exists()


@pytest.mark.parametrize("error", [LogError("away"), KeyboardInterrupt()])
def test_nothing_is_left_of_one_that_does_not_come_to_its_end(
    log: SqliteLog, tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "PAGE", 10)

    def report(offset: int) -> None:
        if offset >= 50:
            raise error

    with pytest.raises(type(error)):
        replay(log, tmp_path / "new.db", "z", associator(), report)
    assert {path.name for path in tmp_path.iterdir()} <= {"log.db", "log.db-wal", "log.db-shm"}
