"""The index says what the log says: folded once, in pieces, again, and by two at the same time."""

from pathlib import Path

import pytest

from deploy.log.opening import open_log
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.results.journeys import read_journeys
from deploy.site.association_state import start_anew
from deploy.site.association_worker import AssociationWorker
from deploy.web.index import follower as follower_module
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from tests.associate.samples import associator, convoy
from tests.deploy.web.town import put


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    found = open_log(f"sqlite:{tmp_path}/log.db")
    assert isinstance(found, SqliteLog)
    put(found, convoy(5))
    AssociationWorker(found, "z", associator()).drain()
    return found


def follow(log: SqliteLog, index: Index) -> Follower:
    """Take in all that is on the log."""
    follower = Follower(log, index)
    while follower.step():
        pass
    return follower


def identities(index: Index) -> dict[str, list[str]]:
    """The tracklets of every identity that is one, in order."""
    rows = index.rows("SELECT identity, tracklet FROM visits JOIN identities USING (identity) ORDER BY 1, enter_ns")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["identity"], []).append(row["tracklet"])
    return found


def expected(log: SqliteLog) -> dict[str, list[str]]:
    latest = read_journeys(log).latest
    return {
        name: [visit.observation.rpartition("|")[0] for visit in event.visits] for name, event in sorted(latest.items())
    }


@pytest.mark.parametrize("page", [1, 7, 500])
def test_identities_are_those_of_the_log(
    log: SqliteLog, tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "PAGE", page)
    index = Index(tmp_path / "index.db", log)
    follow(log, index)
    assert expected(log)
    assert identities(index) == expected(log)
    for row in index.rows("SELECT * FROM identities WHERE superseded_by IS NULL"):
        assert row["revision"] == read_journeys(log).latest[row["identity"]].revision
    assert {row["camera"]: row["final"] for row in index.rows("SELECT * FROM cameras")} == {"a": 1, "b": 1, "c": 1}


def test_a_restart_goes_on_and_reads_nothing_twice(log: SqliteLog, tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", log)
    follow(log, index)
    index.close()
    again = Index(tmp_path / "index.db", log)
    assert again.position(TRAJECTORIES) == log.end(TRAJECTORIES)
    assert identities(again) == expected(log)


def test_an_index_of_another_log_is_made_anew(log: SqliteLog, tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", log)
    follow(log, index)
    index.close()
    other = SqliteLog(tmp_path / "other.db")
    put(other, convoy(2, seed=9))
    again = Index(tmp_path / "index.db", other)
    assert again.position(OBSERVATIONS) == 0
    assert not identities(again)


@pytest.mark.parametrize("running", [True, False], ids=["while it follows", "while it was away"])
def test_a_zone_that_is_associated_anew_voids_what_was_said(log: SqliteLog, tmp_path: Path, running: bool) -> None:
    index = Index(tmp_path / "index.db", log)
    follower = follow(log, index)
    before = identities(index)
    if not running:
        index.close()
    start_anew(log, "z")
    AssociationWorker(log, "z", associator()).drain()
    if not running:
        index = Index(tmp_path / "index.db", log)
        follower = Follower(log, index)
    while follower.step():
        pass
    assert identities(index) == before == expected(log)


def test_two_that_follow_into_one_file_take_in_every_record_once(log: SqliteLog, tmp_path: Path) -> None:
    first, second = Index(tmp_path / "index.db", log), Index(tmp_path / "index.db", log)
    stored = log.read(TRAJECTORIES, 0, 10)
    with first.page(TRAJECTORIES, 0, stored) as db:
        assert db is not None
    with second.page(TRAJECTORIES, 0, stored) as db:
        assert db is None
    assert second.position(TRAJECTORIES) == stored[-1].offset


def test_what_cannot_be_decoded_is_counted(log: SqliteLog, tmp_path: Path) -> None:
    from deploy.log.base import Record

    log.claim("noise").commit([Record(TRAJECTORIES, "x", b"{}"), Record(OBSERVATIONS, "x", b"\x93")])
    follower = follow(log, Index(tmp_path / "index.db", log))
    assert follower.undecoded.total == 2
    assert follower.problem is None
