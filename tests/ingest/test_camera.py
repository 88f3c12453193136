"""Cameras as their users describe them."""

import pytest

from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError
from ingest.open_camera import check_source, password

BAD = {
    "scheme": (Camera(id="a", source="ftp://host/x"), "unknown URL scheme 'ftp://'"),
    "password": (Camera(id="a", source="rtsp://me:secret@host/x"), "password"),
    "credentials": (Camera(id="a", source="rtsp://host", credentials="secret"), "env:NAME"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused(name: str) -> None:
    camera, expected = BAD[name]
    with pytest.raises(ConfigError, match=expected) as caught:
        check_camera(camera)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("source", ["rtsp://me@host:554/x", "http://host/x.mjpg", "clips/a.mp4", "city://smooth/1"])
def test_what_makes_sense_is_taken(source: str) -> None:
    check_camera(Camera(id="a", source=source))


def test_only_recordings_are_read_without_dropping() -> None:
    assert Camera(id="a", source="rtsp://host/x").live
    assert not Camera(id="a", source="a.mp4").live
    assert Camera(id="a", source="a.mp4", realtime=True).live


def test_the_password_is_read_from_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    camera = Camera(id="a", source="rtsp://me@host/x", credentials="env:A_PASSWORD")
    with pytest.raises(ConfigError, match="A_PASSWORD"):
        password(camera)
    monkeypatch.setenv("A_PASSWORD", "s3cret")
    assert password(camera) == "s3cret"
    with pytest.raises(ConfigError, match="credentials file"):
        password(Camera(id="a", source="rtsp://me@host/x", credentials=f"file:{tmp_path}/none"))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no file nowhere\.mp4"):
        check_source(Camera(id="a", source="nowhere.mp4"))
