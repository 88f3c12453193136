"""`corridor init`: a configuration that can be read, without passwords, with the dead cameras in it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.city.rtsp.server import RtspServer
from deploy.cli.app import app
from deploy.site.config import load_config, parse_config
from deploy.site.first_look import look_at
from deploy.site.starting_config import camera_of, starting_configuration
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.errors import ConfigError
from ingest.network.h264 import recorded_units
from tests.ingest.clips import write_clip


@pytest.fixture(autouse=True)
def no_passwords_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set in the environment during a test is gone after it."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a camera that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/x"


@pytest.mark.parametrize(
    ("text", "camera_id", "source", "credentials", "password"),
    [
        ("rtsp://10.0.0.1/1", "camera-3", "rtsp://10.0.0.1/1", None, None),
        ("gate=rtsp://me@10.0.0.1/1?a=b", "gate", "rtsp://me@10.0.0.1/1?a=b", None, None),
        ("gate.1=rtsp://me:a%40b@10.0.0.1/1", "gate.1", "rtsp://me@10.0.0.1/1", "env:GATE_1_PASSWORD", "a@b"),
        ("7=rtsp://h/u?pwd=s3cret", "7", "rtsp://h/u?pwd={password}", "env:CAMERA_7_PASSWORD", "s3cret"),
        ("clips/a.mp4", "camera-3", "clips/a.mp4", None, None),
    ],
)
def test_addresses(text: str, camera_id: str, source: str, credentials: str | None, password: str | None) -> None:
    assert camera_of(text, 3) == Camera(id=camera_id, source=source, credentials=credentials)
    if credentials is not None:
        assert os.environ[credentials.removeprefix("env:")] == password


def test_several_passwords_are_refused() -> None:
    with pytest.raises(ConfigError, match="several passwords") as refused:
        camera_of("rtsp://me:first1@10.0.0.1/x?pwd=second2", 1)
    assert "first1" not in str(refused.value)


def test_any_note_and_source_can_be_read_again() -> None:
    cameras = [Camera(id="a", source='we"ird \\ päth\t.mp4'), Camera(id="b", source="b.mp4")]
    text = starting_configuration(cameras, "site.toml", {"a": "two\nlines ]]\r = 7", "b": ""})
    assert parse_config(text, "site.toml").cameras == cameras
    commented = "\n".join(line.removeprefix("# ") for line in text.splitlines()[-10:])
    travel = parse_config(text[: text.rindex("# Seconds")] + commented, "site.toml").associate.travel
    assert [(each.start, each.end) for each in travel] == [("a", "b")]


def test_the_wait_is_for_all_cameras_together(tmp_path: Path, silent: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5)
    cameras = [Camera(id=f"silent-{number}", source=silent) for number in range(8)]
    looks = look_at([*cameras, Camera(id="clip", source=str(clip))], SystemClock(), wait_s=1.5)
    assert [each.frame is None for each in looks] == [True] * 8 + [False]
    assert "no frame from rtsp://127.0.0.1" in looks[0].error


def test_a_camera_with_a_password_and_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4", 50)
    with RtspServer() as server:
        server.add("/live", lambda: recorded_units(clip, starts_ns=0, loop=True), username="me", password="secret7")
        url = server.url("/live").replace("rtsp://", "rtsp://me:secret7@")
        told = CliRunner().invoke(app, ["init", "-c", f"gate={url}", "-c", "dead=rtsp://127.0.0.1:1/x"])
    assert told.exit_code == 3, told.output
    text = (tmp_path / "site.toml").read_text()
    assert "secret7" not in text + told.output
    assert "160x96" in text
    assert "# no frame when this was written: camera 'dead'" in text
    assert load_config(tmp_path / "site.toml").camera_ids == ("gate", "dead")
    assert (tmp_path / "runs/site/stills/gate.jpg").is_file()
    assert "export GATE_PASSWORD=..." in told.output


def test_nothing_is_overwritten_and_nothing_asked_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text("mine")
    for arguments, message in ((["-c", "a.mp4"], "is there already"), (["new.toml"], "no camera is named")):
        told = CliRunner().invoke(app, ["init", *arguments])
        assert isinstance(told.exception, ConfigError)
        assert message in str(told.exception)
    assert Path("site.toml").read_text() == "mine"


@pytest.mark.parametrize("address", ["a b=c=rtsp://h/x", "x=ftp://h/1", "rtsp://"])
def test_wrong_addresses_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["init", "-c", address])
    assert isinstance(told.exception, ConfigError)
    assert list(tmp_path.iterdir()) == []
