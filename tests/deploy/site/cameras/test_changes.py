"""The roster of a site, and the changes that make it: what each asks for, what is refused, who comes first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import CAMERAS
from deploy.site.cameras import changes
from deploy.site.cameras.changes import OWNER, SLOTS, CameraChanges
from deploy.site.cameras.record import CameraRecord, Wanted, decode
from deploy.site.cameras.roster import read_roster, with_roster
from deploy.site.config import Config, parse_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError, FencedError

URL = "rtsp://user@10.0.0.1/1"
SAID: dict[str, Any] = {"at_ns": 7, "by": "me"}


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    return SqliteLog(tmp_path / "log.db")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "rtsp://10.0.0.1/{name}"\n' for name in "ab")
    return parse_config(f'{cameras}[log]\nurl = "sqlite:{tmp_path}/log.db"\n', "site.toml")


def on_kafka(config: Config) -> Config:
    return msgspec.structs.replace(config, log=msgspec.structs.replace(config.log, url="kafka://h:1"))


def wanted(log: SqliteLog, config: Config) -> dict[str, tuple[str, str | None]]:
    entries = read_roster(config, log).entries.values()
    return {it.camera: (it.wanted.value, it.settings.source if it.settings else None) for it in entries}


def test_the_configuration_is_the_start_and_records_outweigh_it(log: SqliteLog, config: Config) -> None:
    a, b = "rtsp://10.0.0.1/a", "rtsp://10.0.0.1/b"
    assert wanted(log, config) == {"a": ("watched", a), "b": ("watched", b)}
    changes.add(log, config, "c", CameraChanges(source=URL), **SAID)
    changes.change(log, config, "a", CameraChanges(source=URL, transport="udp"), **SAID)
    changes.pause(log, config, "b", **SAID)
    assert wanted(log, config) == {"a": ("watched", URL), "b": ("paused", b), "c": ("watched", URL)}
    assert [camera.id for camera in with_roster(config, log).cameras] == ["a", "c"]
    changes.remove(log, config, "a", **SAID)
    changes.pause(log, config, "c", **SAID)
    assert with_roster(config, log).cameras == []
    changes.resume(log, config, "b", **SAID)
    changes.add(log, config, "a", CameraChanges(), **SAID)
    assert wanted(log, config) == {"a": ("watched", a), "b": ("watched", b), "c": ("paused", URL)}
    # What a command has not given settings to goes on following the configuration.
    later = parse_config('[[cameras]]\nid = "b"\nsource = "rtsp://elsewhere/b"\n', "site.toml")
    assert wanted(log, later)["b"] == ("watched", "rtsp://elsewhere/b")
    assert read_roster(later, log).nowhere == ["a"]


def test_a_record_says_who_and_when_and_the_last_of_a_camera_is_kept(log: SqliteLog, config: Config) -> None:
    said = changes.pause(log, config, "a", at_ns=5, by="night shift")
    assert said == CameraRecord(camera="a", wanted=Wanted.PAUSED, at_ns=5, by="night shift")
    changes.resume(log, config, "a", at_ns=6, by="")
    (kept,) = log.read(CAMERAS, 0, 10)
    assert (kept.key, decode(kept.value).wanted, decode(kept.value).at_ns) == ("a", Wanted.WATCHED, 6)


REFUSED: dict[str, tuple[Callable[..., object], str, dict[str, str], str]] = {
    "one that is there": (changes.add, "a", {"source": URL}, "'a' is there already, watched"),
    "one without a source": (changes.add, "c", {}, "'c' is not in the configuration: say its source"),
    "settings without a source": (changes.add, "c", {"transport": "udp"}, "'c': say its source"),
    "no id": (changes.add, "x y", {"source": URL}, "key 'id': expected letters"),
    "no scheme": (changes.add, "c", {"source": "ftp://h/1"}, "unknown URL scheme 'ftp://'"),
    "a password before the host": (changes.add, "c", {"source": "rtsp://u:geheim@h/1"}, "has a password in it"),
    "a password in the query": (changes.add, "c", {"source": "rtsp://h/1?pwd=geheim"}, "everybody who reads the log"),
    "a file that is not there": (changes.add, "c", {"source": "nowhere.mp4"}, "there is no file nowhere.mp4"),
    "a change to nothing": (changes.change, "a", {}, "say what is to be changed"),
    "a change to the same": (changes.change, "a", {"transport": "tcp"}, "has these settings already"),
    "a change of nobody": (changes.change, "z", {"source": URL}, "there is no camera 'z'"),
}


@pytest.mark.parametrize(("make", "camera", "given", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    log: SqliteLog, config: Config, make: Callable[..., object], camera: str, given: dict[str, str], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refusal:
        make(log, config, camera, msgspec.convert(given, CameraChanges), **SAID)
    assert "geheim" not in str(refusal.value)
    assert log.end(CAMERAS) == 0


def test_a_state_is_not_said_twice_and_what_was_removed_is_added_first(log: SqliteLog, config: Config) -> None:
    with pytest.raises(ConfigError, match="'a' is watched already"):
        changes.resume(log, config, "a", **SAID)
    changes.remove(log, config, "a", **SAID)
    for make in (changes.remove, changes.pause, changes.resume):
        with pytest.raises(ConfigError, match="'a' was removed: add it first"):
            make(log, config, "a", **SAID)
    with pytest.raises(ConfigError, match="65 characters"):
        changes.pause(log, config, "b", at_ns=1, by="x" * 65)


def test_of_two_changes_at_once_one_is_made_after_the_other(
    log: SqliteLog, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = [changes.pause, changes.remove]

    def read(config: Config, log: SqliteLog) -> object:
        found = read_roster(config, log)
        if rivals:
            rivals.pop(0)(log, config, "a", **SAID)
        return found

    monkeypatch.setattr(changes, "read_roster", read)
    with pytest.raises(ConfigError, match="'a' was removed"):  # the two came between, one within the other
        changes.pause(log, config, "a", **SAID)
    monkeypatch.setattr(changes, "read_roster", lambda config, log: log.claim(OWNER) and read_roster(config, log))
    with pytest.raises(FencedError):
        changes.pause(log, config, "b", **SAID)


def test_slots_are_shared_evenly_and_kept(log: SqliteLog, config: Config) -> None:
    there = on_kafka(config)
    slots = [
        changes.add(log, there, f"c{number}", CameraChanges(source=URL), **SAID).slot for number in range(SLOTS + 2)
    ]
    assert slots == [*range(SLOTS), 0, 1]
    assert changes.pause(log, there, "c5", **SAID).slot == 5
    assert changes.remove(log, there, "c7", **SAID).slot is None
    assert changes.pause(log, there, "a", **SAID).slot == 7
    assert changes.pause(log, config, "b", **SAID).slot is None  # nobody shares out cameras on one machine


UNUSABLE = {
    "no record": b"{",
    "another's settings": b'{"camera":"a","wanted":"watched","at_ns":1,"settings":{"id":"b","source":"b.mp4"}}',
    "a source that cannot be": b'{"camera":"a","wanted":"watched","at_ns":1,"settings":{"id":"a","source":"x://h"}}',
    "a new setting": b'{"camera":"a","wanted":"watched","at_ns":1,"settings":{"id":"a","source":"f","new":1}}',
}


@pytest.mark.parametrize("value", UNUSABLE.values(), ids=UNUSABLE)
def test_a_record_that_cannot_be_used_is_said_and_passed_over(
    log: SqliteLog, config: Config, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = wanted(log, config)
    log.claim("somebody").commit([Record(CAMERAS, "a", value)])
    assert wanted(log, config) == before
    assert "record 1 of cameras is passed over" in caplog.text


def test_a_log_is_the_site_s_own_by_the_cameras_that_were_added(log: SqliteLog, config: Config, tmp_path: Path) -> None:
    log.claim("camera/c")
    with pytest.raises(ConfigError, match="belongs to cameras c"):
        open_site_log(config, tmp_path / "site.toml")
    changes.add(log, config, "c", CameraChanges(source=URL), **SAID)
    open_site_log(config, tmp_path / "site.toml").close()
