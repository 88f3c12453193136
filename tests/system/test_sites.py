"""Two configurations in one folder: a log each, and neither takes the other's by mistake."""

import json
from pathlib import Path

import pytest

from tests.ingest.clips import write_clip
from tests.system.command import corridor

MOTION = '[detect]\ndetector = "motion"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both have been run, one after the other."""
    folder = tmp_path_factory.mktemp("sites")
    write_clip(folder / "clip.mp4", 100, size=(320, 192))
    for site, camera in (("north", "up"), ("south", "down")):
        (folder / f"{site}.toml").write_text(f'[[cameras]]\nid = "{camera}"\nsource = "clip.mp4"\n{MOTION}')
        result = corridor(folder, "run", f"{site}.toml")
        assert result.returncode == 0, result.stderr
        assert "WARNING" not in result.stderr
    return folder


@pytest.mark.parametrize(("site", "camera"), [("north", "up"), ("south", "down")])
def test_each_has_what_its_own_cameras_saw(folder: Path, site: str, camera: str) -> None:
    result = corridor(folder, "trajectories", f"{site}.toml")
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events
    assert {visit["camera"] for event in events for visit in event["visits"]} == {camera}


def test_without_a_name_they_are_listed(folder: Path) -> None:
    result = corridor(folder, "trajectories")
    assert result.returncode == 2
    assert "sqlite:runs/north/corridor.db, sqlite:runs/south/corridor.db" in result.stderr


def test_the_only_one_needs_no_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "north").symlink_to(folder / "runs" / "north")
    result = corridor(tmp_path, "trajectories")
    assert result.returncode == 0, result.stderr
    assert '"camera":"up"' in result.stdout


@pytest.mark.parametrize("command", [("run",), ("observe",), ("associate", "--once"), ("trajectories",)])
def test_the_other_s_log_is_refused(folder: Path, command: tuple[str, ...]) -> None:
    (folder / "wrong.toml").write_text(
        f'[[cameras]]\nid = "down"\nsource = "clip.mp4"\n{MOTION}[log]\nurl = "sqlite:runs/north/corridor.db"\n'
    )
    name, *options = command
    result = corridor(folder, name, "wrong.toml", *options)
    assert result.returncode == 2
    assert "the log runs/north/corridor.db belongs to cameras up, and wrong.toml has down" in result.stderr
