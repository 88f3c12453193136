"""Whatever the first version has written opens today: a log with its state, a configuration, a checkpoint's names.

tests/data/first_site was made by revision 28706bd: a run of two small clips, and a training of a few seconds, of
which only names and shapes are kept.
"""

import json
import shutil
from pathlib import Path

import pytest

from associate.trajectory import Kind, decode
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.config import load_config
from ingest.errors import ConfigError
from tests.conftest import ROOT
from tests.ingest.clips import write_clip
from tests.system.command import corridor

FIRST = ROOT / "tests" / "data" / "first_site"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the first version's site: configuration and log."""
    (tmp_path / "runs").mkdir()
    shutil.copy(FIRST / "site.toml", tmp_path)
    shutil.copy(FIRST / "corridor.db", tmp_path / "runs")
    write_clip(tmp_path / "clip.mp4", 150, size=(320, 192))
    return tmp_path


def records(site: Path, topic: str) -> list[bytes]:
    log = SqliteLog(site / "runs" / "corridor.db", must_exist=True)
    values = [record.value for record in log.read(topic, 0, 1000)]
    log.close()
    return values


def without_the_former_dials(path: Path) -> None:
    """Do what the errors ask for: remove the keys of the former association."""
    for key in ("similarity_slope", "new_vehicle"):
        with pytest.raises(ConfigError, match=f"key 'associate.{key}' is not read any more"):
            load_config(path)
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith(key)))


def test_the_configuration_means_the_same(site: Path) -> None:
    without_the_former_dials(site / "site.toml")
    config = load_config(site / "site.toml")
    assert config.log.url == "sqlite:runs/corridor.db"
    assert [camera.id for camera in config.cameras] == ["up", "down"]
    assert config.associate.travel[0].both_ways


def test_the_log_is_read_and_linked_anew(site: Path) -> None:
    """Both recordings have been read; the state of the former association is refused with the command that helps."""
    without_the_former_dials(site / "site.toml")
    observed = records(site, OBSERVATIONS)
    shown = corridor(site, "trajectories", "site.toml")
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) == 10
    refused = corridor(site, "run", "site.toml")
    assert refused.returncode == 2
    assert "corridor associate --rebuild" in refused.stderr
    again = corridor(site, "associate", "--rebuild", "--once", "site.toml")
    assert again.returncode == 0, again.stderr
    assert records(site, OBSERVATIONS) == observed
    events = [decode(record) for record in records(site, TRAJECTORIES)]
    assert {event.kind for event in events} >= {Kind.CONFIRMED, Kind.CLOSED}


@pytest.mark.torch
def test_the_checkpoint_fits_the_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from training.encoder.checkpoint import load_network

    kept = json.loads((FIRST / "checkpoint.json").read_text())
    state = {
        "objective": {name: torch.zeros(shape) for name, shape in kept["objective"].items()},
        "average": {name: torch.zeros(shape) for name, shape in kept["average"].items()},
        "epoch": kept["epoch"],
    }
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": kept["format"], "origin": kept["origin"], "state": state}, path)
    loaded = load_network(path)
    assert loaded.finished
    assert loaded.origin.model.name == "grl"
