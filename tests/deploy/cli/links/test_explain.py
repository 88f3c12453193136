"""`corridor explain` in the terminal, and as a page."""

import re
from base64 import b64encode
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from associate.trajectory import encode
from deploy.cli.app import app
from deploy.crops.store import StoredCrop, StoredTracklet
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from ingest.errors import ConfigError
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


@pytest.fixture
def site(log: Path) -> Path:
    """A configuration of that log, which keeps crops; one is kept."""
    (log.parent / "site.toml").write_text(
        f'[[cameras]]\nid = "a"\nsource = "{log.parent}/a.mp4"\n[[cameras]]\nid = "b"\nsource = "{log.parent}/b.mp4"\n'
        f'[log]\nurl = "sqlite:{log}"\n[crops]\nkeep = true\nfolder = "{log.parent}/crops"\n'
    )
    stored = StoredTracklet(
        tracklet="b|1.0|1",
        camera="b",
        label="vehicle",
        first_ns=0,
        last_ns=1,
        crops=[StoredCrop(file="", captured_ns=0, box_xyxy=(0, 0, 20, 10), quality=0.9)],
    )
    (log.parent / "crops" / "b").mkdir(parents=True)
    (log.parent / "crops" / "b" / "1.0-1.json").write_bytes(msgspec.json.encode(stored))
    cv2.imwrite(str(log.parent / "crops" / "b" / "1.0-1-0.jpg"), np.full((40, 60, 3), 200, np.uint8))
    return log.parent / "site.toml"


def test_a_page_has_everything_in_itself(site: Path) -> None:
    result = CliRunner().invoke(app, ["explain", "z-1", str(site), "--html", str(site.with_name("z-1.html"))])
    assert result.exit_code == 0, result.output
    assert "2 sightings, 1 crops" in " ".join(result.output.split())
    page = site.with_name("z-1.html").read_text()
    kept = site.with_name("crops").joinpath("b", "1.0-1-0.jpg").read_bytes()
    assert re.findall(r'src="([^"]*)"', page) == [f"data:image/jpeg;base64,{b64encode(kept).decode()}"]
    assert not re.findall(r"href=|url\(|<script|@import", page)
    assert "0.97 that it is the vehicle of the sighting before" in page
    assert "z-2, the next best: 0.02" in page
    bars = re.findall(r'class="(for|against)" x="([\d.]+)" width="([\d.]+)"', page)
    assert bars == [("for", "80.0", "25.6"), ("for", "80.0", "3.2")]  # 3.2 and 0.4 nats of 10
    assert "No single term decides it." in page
    assert "<td class='number'>0.57</td>" in page  # without its looks


@pytest.mark.parametrize("name", ["", "a.txt/z-1.html"])
def test_a_page_that_cannot_be_written(site: Path, name: str) -> None:
    site.with_name("a.txt").write_text("")
    result = CliRunner().invoke(app, ["explain", "z-1", str(site), "--html", str(site.parent / name)])
    assert isinstance(result.exception, ConfigError)
    assert "cannot write the page" in str(result.exception)
