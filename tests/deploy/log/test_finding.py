"""The only log of a working directory, or the names of all."""

import sqlite3
from pathlib import Path

import pytest

from deploy.log.finding import LISTED_AT_MOST, logs_below, only_log
from deploy.log.sqlite_log import SqliteLog
from ingest.errors import ConfigError


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one log, a foreign database, and a file that is none; the working directory is above it."""
    monkeypatch.chdir(tmp_path)
    SqliteLog(Path("runs/site/corridor.db")).close()
    with sqlite3.connect("runs/other.db") as foreign:
        foreign.execute("CREATE TABLE x (y)")
    foreign.close()
    Path("runs/note.db").write_text("not a database, only called one")
    return Path("runs")


def test_the_only_one_is_taken(runs: Path) -> None:
    assert only_log() == "sqlite:runs/site/corridor.db"


def test_several_are_listed(runs: Path) -> None:
    SqliteLog(runs / "demo" / "demo.db").close()
    with pytest.raises(ConfigError, match="there are 2 logs below runs"):
        only_log()
    SqliteLog(runs / "city" / "smooth" / "corridor.db").close()
    expected = "sqlite:runs/demo/demo.db, sqlite:runs/site/corridor.db, sqlite:runs/city/smooth/corridor.db"
    with pytest.raises(ConfigError, match=f"there are 3 logs below runs; name one .*: {expected}$"):
        only_log()


def test_of_many_some_are_listed_and_the_others_counted(runs: Path) -> None:
    for number in range(LISTED_AT_MOST + 2):
        SqliteLog(runs / "city" / f"{number}.db").close()
    with pytest.raises(ConfigError, match=rf"there are {LISTED_AT_MOST + 3} logs .*\.db and 3 more$"):
        only_log()


@pytest.mark.parametrize("made", [True, False])
def test_without_any_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool) -> None:
    monkeypatch.chdir(tmp_path)
    if made:
        Path("runs").mkdir()
    assert logs_below(Path("runs")) == []
    with pytest.raises(ConfigError, match=r"there is no log below runs in .*corridor run FILE"):
        only_log()
