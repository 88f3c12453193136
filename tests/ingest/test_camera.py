"""Cameras as their users describe them."""

import os
from pathlib import Path

import pytest

from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError
from ingest.network.open_stream import with_password
from ingest.open_camera import check_source, password
from ingest.redact import redact

BAD = {
    "scheme": (Camera(id="a", source="ftp://host/x"), "unknown URL scheme 'ftp://'"),
    "password": (Camera(id="a", source="rtsp://me:secret@host/x"), "password"),
    "password with a slash": (Camera(id="a", source="rtsp://me:a/secret@host/x"), "password"),
    "password with a bracket": (Camera(id="a", source="rtsp://me:[secret@host/x"), "password"),
    "number for a password": (Camera(id="a", source="rtsp://me:12345@host/x"), "password"),
    "no host": (Camera(id="a", source="rtsp:///x"), r"the source 'rtsp:///x' is no address"),
    "no port": (Camera(id="a", source="rtsp://host:secret/x"), "is no address"),
    "half an address": (Camera(id="a", source="rtsp://[::1/x?password=secret"), "is no address"),
    "nothing fills it": (Camera(id="a.b", source="rtsp://host/{password}"), r"'a\.b': .*env:A_B_PASSWORD"),
    "credentials": (Camera(id="a", source="rtsp://host", credentials="secret"), "env:NAME"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused(name: str) -> None:
    camera, expected = BAD[name]
    with pytest.raises(ConfigError, match=expected) as caught:
        check_camera(camera)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://me@host:554/x",
        "http://host/x.mjpg",
        "clips/a.mp4",
        "city://smooth/1",
        "rtsp://host:554/a@b",
        "rtsp://h/{x}",
    ],
)
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


NO_FILES = {
    "missing": ("nowhere.mp4", r"no file nowhere\.mp4"),
    "in a file": (f"{__file__}/a.mp4", "there is no file"),
    "a folder": (".", "is not a file"),
    "a name too long": ("a" * 5000, "File name too long"),
    "a zero byte": ("a\0b", "cannot read the file a.b: embedded null"),
    "nobody's home": ("~no-such-user/a.mp4", "~no-such-user/a.mp4: .*home"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file_is_named(name: str) -> None:
    source, expected = NO_FILES[name]
    with pytest.raises(ConfigError, match=expected):
        check_source(Camera(id="a", source=source))


PLACEHOLDERS = {
    "path": (
        "rtsp://h/user=me_password={password}_channel=1.sdp",
        "rtsp://h/user=me_password=p%2F%40%C3%BC_channel=1.sdp",
    ),
    "account": ("rtsp://me:{password}@h/1", "rtsp://me:p%2F%40%C3%BC@h/1"),
    "twice": ("http://me:{password}@h/?pwd={password}", "http://me:p%2F%40%C3%BC@h/?pwd=p%2F%40%C3%BC"),
    "none": ("rtsp://me@h/1", "rtsp://me:p%2F%40%C3%BC@h/1"),
}


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_credentials_fill_the_placeholder(name: str) -> None:
    source, expected = PLACEHOLDERS[name]
    check_camera(Camera(id="a", source=source, credentials="env:X"))
    assert with_password(source, "p/@ü") == expected


def test_a_password_that_is_not_utf_8_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_PASSWORD", os.fsdecode(b"pass\xfcr"))
    (tmp_path / "secret").write_bytes(b"pass\xfcr\n")
    for credentials in ("env:A_PASSWORD", f"file:{tmp_path}/secret"):
        read = password(Camera(id="a", source="rtsp://me@host/x", credentials=credentials))
        assert with_password("rtsp://me@host/x", read) == "rtsp://me:pass%FCr@host/x"
        assert redact(f"{credentials} is pass%FCr {read}") == f"{credentials} is *** ***"


def test_an_empty_credentials_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ConfigError, match="secret is empty"):
        password(Camera(id="a", source="rtsp://me@host/x", credentials=f"file:{tmp_path}/secret"))


def test_a_password_that_was_read_is_masked_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "correct-horse")
    password(Camera(id="a", source="rtsp://h/{password}", credentials="env:A_PASSWORD"))
    assert redact("a library says rtsp://h/correct%2Dhorse") == "a library says rtsp://h/***"


def test_a_source_with_a_password_in_its_path_is_taken_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    camera = Camera(id="gate", source="rtsp://h/user=admin_password=correct-horse_channel=1.sdp")
    check_camera(camera)
    assert "password=***_channel=1.sdp has a password in it; better write {password} there" in caplog.text
    assert "correct" not in caplog.text + repr(camera)
