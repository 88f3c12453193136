"""What is particular to the log on SQLite."""

import sqlite3
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from ingest.errors import LogError


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
