"""`corridor explain` in the terminal."""

from pathlib import Path

import pytest

from associate.trajectory import encode
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from tests.associate.samples import event
from tests.system.command import corridor


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one link."""
    path = tmp_path / "log.db"
    written = SqliteLog(path)
    written.claim("test").commit([Record(TRAJECTORIES, "z-1", encode(event()))])
    written.close()
    return path


def test_a_link_is_explained(log: Path) -> None:
    result = corridor(log.parent, "explain", "z-1", "--log", "sqlite:log.db")
    assert result.returncode == 0, result.stderr
    assert "z-1: vehicle, 2 sightings" in result.stdout
    assert "linked to the sighting before, probability 0.97" in result.stdout
    assert "the next best is z-2, 0.02" in result.stdout
    assert "looks (0.91)" in result.stdout


def test_an_unknown_identity_is_an_error(log: Path) -> None:
    result = corridor(log.parent, "explain", "z-7", "--log", "sqlite:log.db")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "no event of this log is about 'z-7'" in result.stderr
