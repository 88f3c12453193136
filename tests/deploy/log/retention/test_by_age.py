"""Retention of the SQLite log: by age, never what association has not read, and the file gets smaller."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.retention import by_age
from deploy.log.retention.by_age import SqliteRetention
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, FORGOTTEN, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from ingest.clock import NS, ManualClock

DAY_NS = 86_400 * NS
START_NS = 20_000 * DAY_NS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_NS)


@pytest.fixture
def log(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteLog]:
    """Ten days of a record an hour on two topics, read to their end by association."""
    log = SqliteLog(tmp_path / "log.db", clock=clock)
    camera = log.claim("camera/north")
    for number in range(240):
        records = [Record(topic, f"{topic}{number % 7}", b"x" * 4000) for topic in (OBSERVATIONS, TRAJECTORIES)]
        camera.commit([*records, Record(IDENTITIES, f"{number % 7}", b"y")])
        clock.sleep(3600)
    log.claim("zone/zone").commit([], position=240)
    yield log
    log.close()


def offsets(log: SqliteLog, topic: str) -> list[int]:
    return [record.offset for record in log.read(topic, 0, 10_000)]


def test_what_is_older_than_the_age_is_removed(log: SqliteLog) -> None:
    removed = SqliteRetention(log, 3.0).sweep()
    assert removed == {OBSERVATIONS: 168, TRAJECTORIES: 168}
    for topic in (OBSERVATIONS, TRAJECTORIES):
        assert offsets(log, topic) == list(range(169, 241)), "the last three days"
    assert len(offsets(log, IDENTITIES)) == 7, "each has been said again within the last hours"
    assert SqliteRetention(log, 3.0).sweep() == {}


def test_nothing_is_lost_but_its_age(log: SqliteLog, clock: ManualClock) -> None:
    """Offsets go on, owners and positions stay, and what is to be forgotten is never forgotten itself."""
    log.claim("forgotten/zone").commit([Record(FORGOTTEN, "zone-1", b"{}")])
    clock.sleep(100 * 86_400)
    removed = SqliteRetention(log, 3.0).sweep()
    assert removed == {OBSERVATIONS: 240, TRAJECTORIES: 240, IDENTITIES: 7}
    again = log.claim("zone/zone")
    assert (again.position, again.generation) == (240, 2)
    assert offsets(log, FORGOTTEN) == [1]
    again.commit([Record(TRAJECTORIES, "k", b"v")])
    assert offsets(log, TRAJECTORIES) == [241]


@pytest.mark.parametrize("read", [0, 50])
def test_what_association_has_not_read_stays_and_that_is_said_once(
    log: SqliteLog, read: int, caplog: pytest.LogCaptureFixture
) -> None:
    log.claim("zone/zone").commit([], position=read)
    retention = SqliteRetention(log, 3.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            retention.sweep()
    assert offsets(log, OBSERVATIONS) == list(range(read + 1, 241))
    assert len(offsets(log, TRAJECTORIES)) == 72
    (said,) = caplog.messages
    assert f"{168 - read} observations are older than log.keep_days 3 and stay on the log" in said
    assert f"association of zone/zone has read up to offset {read}" in said
    log.claim("zone/zone").commit([], position=240)
    assert retention.sweep() == {OBSERVATIONS: 168 - read}


def test_without_an_association_observations_stay(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    log = SqliteLog(tmp_path / "other.db", clock=clock)
    log.claim("camera/north").commit([Record(OBSERVATIONS, "north", b"x"), Record(DEAD_LETTERS, "k", b"x")])
    clock.sleep(10 * 86_400)
    assert SqliteRetention(log, 1.0).sweep() == {DEAD_LETTERS: 1}
    assert "no association has read any" in caplog.text
    log.close()


def test_the_file_gets_smaller_and_keeps_some_room(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_age, "PAGES", 16)
    before = pages(log)
    SqliteRetention(log, 3.0).sweep()
    after = pages(log)
    assert after < before * 0.5
    with log.transaction() as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
    assert 0 < free <= after * 0.11


def test_a_file_of_an_earlier_version_keeps_its_size_and_says_what_mends_it(
    log: SqliteLog, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with log.transaction() as db:
        db.execute("COMMIT")
        db.execute(f"VACUUM INTO '{tmp_path / 'copy.db'}'")
        db.execute("BEGIN")
    copy = SqliteLog(tmp_path / "copy.db", clock=clock)
    with copy.transaction() as db:
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("PRAGMA auto_vacuum=0")
        db.execute("VACUUM")
        db.execute("BEGIN")
    before, retention = pages(copy), SqliteRetention(copy, 3.0)
    for _ in range(2):
        retention.sweep()
    assert pages(copy) == before
    assert caplog.text.count("PRAGMA auto_vacuum=2; VACUUM") == 1
    copy.close()


def test_much_is_removed_in_several_sweeps(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_age, "ROWS", 10)
    monkeypatch.setattr(by_age, "TRANSACTIONS", 3)
    retention = SqliteRetention(log, 3.0)
    taken = [retention.sweep()[OBSERVATIONS] for _ in range(7)]
    assert taken == [30, 30, 30, 30, 30, 18, 0]


def pages(log: SqliteLog) -> int:
    with log.transaction() as db:
        return int(db.execute("PRAGMA page_count").fetchone()[0])
