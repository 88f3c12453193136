"""What is particular to the log on SQLite."""

import json
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from deploy.log import sqlite_log
from deploy.log.append_times import MS, UNKNOWN_NS
from deploy.log.base import Record, StoredRecord
from deploy.log.sqlite_log import SCHEMA_VERSION, SqliteLog
from deploy.log.topics import ALL, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from embed.observation import decode
from ingest.clock import NS, ManualClock
from ingest.errors import LogError
from tests.conftest import ROOT

FIRST_LOG = ROOT / "tests" / "data" / "first_site" / "corridor.db"
"""A log of format 1, which the first version wrote."""


def test_somebody_else_s_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE accounts (name TEXT)")
    db.close()
    before = path.read_bytes()
    for must_exist in (False, True):
        with pytest.raises(LogError, match="no log of Corridor"):
            SqliteLog(path, must_exist=must_exist)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_that_numbers_its_own_format_is_no_log(tmp_path: Path, version: int) -> None:
    """The index of sightings does so, and lies beside the log."""
    path = tmp_path / "sightings.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE sightings (id INTEGER)")
        db.execute(f"PRAGMA user_version={version}")
    db.close()
    before = path.read_bytes()
    for must_exist in (False, True):
        with pytest.raises(LogError, match="no log of Corridor"):
            SqliteLog(path, must_exist=must_exist)
    assert path.read_bytes() == before


def test_reading_makes_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.write_bytes(b"")
    with pytest.raises(LogError, match="no log of Corridor"):
        SqliteLog(empty, must_exist=True)
    assert empty.read_bytes() == b""
    with pytest.raises(LogError):
        SqliteLog(tmp_path / "none.db", must_exist=True)
    assert not (tmp_path / "none.db").exists()


def test_a_log_deleted_while_in_use_is_noticed(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    writer = log.claim("camera/a")
    writer.commit([Record("observations", "a", b"x")])
    for file in tmp_path.glob("log.db*"):
        file.unlink()
    with pytest.raises(LogError, match="deleted or replaced"):
        writer.commit([Record("observations", "a", b"y")])


def test_names_with_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "a log? 100 %#1.db"
    SqliteLog(path).claim("camera/a")
    assert path.exists()
    assert SqliteLog(path, must_exist=True).end("observations") == 0


@pytest.mark.parametrize("of_old", [False, True], ids=["a new log", "a log of the first version"])
def test_a_compacted_record_is_found_by_its_key(tmp_path: Path, of_old: bool) -> None:
    """Not among all of its topic: with every vehicle that has been seen a commit would take longer."""
    path = tmp_path / "log.db"
    if of_old:
        shutil.copy(FIRST_LOG, path)
    log = SqliteLog(path)
    log.claim("zone/z").commit([Record(IDENTITIES, "z-1", b"one"), Record(IDENTITIES, "z-1", b"two")])
    assert [record.value for record in log.read(IDENTITIES, 0, 1_000_000) if record.key == "z-1"] == [b"two"]
    log.close()
    with sqlite3.connect(path) as db:
        ((*_, plan),) = db.execute(f"EXPLAIN QUERY PLAN {sqlite_log._COMPACT}", (IDENTITIES, "z-1")).fetchall()
    assert "INDEX compaction (topic=? AND key=?)" in plan


def format_of(path: Path) -> int:
    db = sqlite3.connect(path)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return int(version)


def whole(log: SqliteLog) -> dict[str, list[StoredRecord]]:
    return {topic: log.read(topic, 0, 10_000) for topic in ALL}


def test_a_log_of_format_1_is_read_as_it_is(tmp_path: Path) -> None:
    """The append times of its records are their event times, in whole milliseconds."""
    path = Path(shutil.copy(FIRST_LOG, tmp_path))
    before = path.read_bytes()
    log = SqliteLog(path, must_exist=True)
    observed, events = log.read(OBSERVATIONS, 0, 1000), log.read(TRAJECTORIES, 0, 1000)
    log.close()
    assert observed
    assert events
    for record in observed:
        assert record.appended_ns == decode(record.value).at_ns // MS * MS
    for record in events:
        assert record.appended_ns == json.loads(record.value)["at_ns"] // MS * MS
    assert path.read_bytes() == before
    assert format_of(path) == 1


@pytest.mark.parametrize("by", ["opening", "claiming"])
def test_a_log_of_format_1_is_migrated_in_place_when_it_is_written(tmp_path: Path, by: str) -> None:
    """Nothing that was read before reads differently, and a reader that was there before sees what is new."""
    path = Path(shutil.copy(FIRST_LOG, tmp_path))
    reader = SqliteLog(path, must_exist=True)
    before = whole(reader)
    clock = ManualClock(5_000 * NS + 17)
    log = SqliteLog(path, must_exist=by == "claiming", clock=clock)
    writer = log.claim("camera/up")
    assert writer.generation > 1
    assert format_of(path) == SCHEMA_VERSION == 2
    assert whole(log) == before
    writer.commit([Record(OBSERVATIONS, "up", b"new")])
    for each in (log, reader, SqliteLog(path), SqliteLog(path, must_exist=True)):
        *old, new = each.read(OBSERVATIONS, 0, 10_000)
        assert old == before[OBSERVATIONS]
        assert (new.value, new.appended_ns) == (b"new", 5_000 * NS)


def test_a_migration_at_the_same_time_as_another_s(tmp_path: Path) -> None:
    path = Path(shutil.copy(FIRST_LOG, tmp_path))
    two = [SqliteLog(path, must_exist=True) for _ in range(2)]
    for log in two:
        log.claim("camera/up")
    assert [SqliteLog(path).claim("camera/up").generation, format_of(path)] == [4, 2]


@pytest.mark.parametrize("value", [b"", b"{}", b"\x93\x01", b"{", b'{"at_ns": -1}', b'{"at_ns": 1e30}', b"\xff"])
def test_an_old_record_without_an_event_time_has_no_append_time(tmp_path: Path, value: bytes) -> None:
    path = tmp_path / "log.db"
    SqliteLog(path).claim("a").commit([Record(OBSERVATIONS, "a", value)])
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE records SET appended_ns = NULL")
    db.close()
    (record,) = SqliteLog(path, must_exist=True).read(OBSERVATIONS, 0, 10)
    assert record.appended_ns == UNKNOWN_NS


def test_the_sql_of_the_documentation_reads_logs_of_both_formats(tmp_path: Path) -> None:
    """That of docs/consuming.md, a first round of it: rows of a log, old, migrated and gone on with."""
    page = (ROOT / "docs" / "consuming.md").read_text()
    query = next(line for line in page.splitlines() if line.startswith("query = ")).partition('"')[2].rstrip('"')
    path = Path(shutil.copy(FIRST_LOG, tmp_path))

    def kinds() -> list[str]:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        rows = db.execute(query, (0,)).fetchall()
        db.close()
        return [json.loads(value)["kind"] for _, value in rows]

    before = kinds()
    assert "confirmed" in before
    SqliteLog(path).claim("zone/z").commit([Record(TRAJECTORIES, "v", b'{"kind": "closed"}')])
    assert kinds() == [*before, "closed"]


def test_append_times_are_those_of_the_clock_at_the_commit(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    clock = ManualClock(now_ns)
    log = SqliteLog(tmp_path / "log.db", clock=clock)
    writer = log.claim("camera/a")
    for _ in range(3):
        writer.commit([Record(OBSERVATIONS, "a", b"x")])
        clock.sleep(1.0)
    times_ns = [record.appended_ns for record in log.read(OBSERVATIONS, 0, 10)]
    assert times_ns == [(now_ns + second * NS) // MS * MS for second in range(3)]
