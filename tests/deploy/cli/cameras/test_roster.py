"""`corridor cameras add`, `change`, …: what goes onto the log, and what is shown of it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.site.cameras.roster import read_roster
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.camera import Camera
from ingest.errors import ConfigError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "site.toml"
    path.write_text('[[cameras]]\nid = "north"\nsource = "rtsp://10.0.0.1/1"\n')
    return path


def cameras(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cameras", *arguments])


def settings(site: Path, camera: str) -> Camera | None:
    config = load_config(site)
    return read_roster(config, open_site_log(config, site)).entries[camera].settings


def test_a_camera_from_its_adding_to_its_removal(site: Path) -> None:
    file, url = str(site), "rtsp://admin@10.0.0.8/1"
    added = cameras("add", file, "south", url, "--credentials", "env:P", "--transport", "udp", "--by", "me")
    assert added.stdout == "on the log: camera 'south' is watched from now on\n"
    expected = Camera(id="south", source=url, credentials="env:P", transport="udp")
    assert settings(site, "south") == expected
    assert "opened anew" in cameras("change", file, "south", "--source", "rtsp://10.0.0.9/1").output
    assert settings(site, "south") == Camera(
        id="south", source="rtsp://10.0.0.9/1", credentials="env:P", transport="udp"
    )
    assert "paused" in cameras("pause", file, "south").output
    assert "watched again" in cameras("resume", file, "south").output
    assert "removed" in cameras("remove", file, "south", "--by", "you").output
    lines = [json.loads(line) for line in cameras("list", file, "--json").stdout.splitlines()]
    assert lines[0] == {"camera": "north", "wanted": "watched", "source": "rtsp://10.0.0.1/1"}
    assert [lines[1][name] for name in ("camera", "wanted", "by")] == ["south", "removed", "you"]
    table = cameras("list", file).stdout
    assert "removed" in table


def test_a_recording_s_settings(site: Path) -> None:
    (site.parent / "clip.mp4").write_bytes(b"")
    cameras("add", str(site), "film", "clip.mp4", "--realtime", "--starts-at", "2026-01-02T03:04:05")
    found = settings(site, "film")
    assert found is not None
    assert (found.realtime, str(found.starts_at)) == (True, "2026-01-02 03:04:05")
    cameras("change", str(site), "film", "--in-step")
    assert settings(site, "film") == Camera(id="film", source="clip.mp4", starts_at=found.starts_at)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "x"], "say its source"),
        (["change", "north"], "say what is to be changed"),
        (["pause", "nobody"], "there is no camera 'nobody'"),
    ],
)
def test_what_is_refused(site: Path, arguments: list[str], reason: str) -> None:
    command, *rest = arguments
    result = cameras(command, str(site), *rest)
    assert isinstance(result.exception, ConfigError)
    assert reason in str(result.exception)
