"""Recordings that are not as they should be, through the whole command: what is seen, what is said, how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ingest import odd_clips as odd
from tests.ingest.clips import write_clip
from tests.system.command import corridor
from tests.system.sites import write_site

SIZE = (320, 192)
SHOWN = odd.images(150, SIZE)

AS_GOOD: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "without time stamps": ("a.h264", lambda path: odd.bare(path.with_name("clip.mp4"), path)),
    "clock begins again": ("a.ts", lambda path: odd.joined(path, [(5.0, SHOWN[:75]), (5.0, SHOWN[75:])])),
    "lying on its side": ("a.mp4", lambda path: odd.turned(path, SHOWN, 90)),
    "cover image first": ("a.mp4", lambda path: odd.with_cover(path, SHOWN)),
}


def site(folder: Path, **sources: str) -> Path:
    return write_site(folder, sources)


def sightings(out: str) -> int:
    return int(next(line for line in out.splitlines() if " sightings of " in line).split()[0])


def statuses(folder: Path) -> dict[str, dict[str, object]]:
    return {each["camera"]: each for each in json.loads((folder / "status.json").read_text())}


@pytest.mark.parametrize("name", AS_GOOD)
def test_as_much_is_seen_as_in_the_clip(tmp_path: Path, name: str) -> None:
    write_clip(tmp_path / "clip.mp4", 150, size=SIZE)
    site(tmp_path, a="clip.mp4")
    clip = corridor(tmp_path, "run", "site.toml")
    (tmp_path / "runs").rename(tmp_path / "before")
    file, make = AS_GOOD[name]
    make(tmp_path / file)
    site(tmp_path, a=file)
    odd_one = corridor(tmp_path, "run", "site.toml", "--status", "status.json")
    assert odd_one.returncode == 0, odd_one.stderr
    assert sightings(odd_one.stdout) == sightings(clip.stdout) > 0
    assert statuses(tmp_path)["a"]["decoded"] == 150
    assert "breaks off" not in odd_one.stderr


def test_what_is_left_out_is_told_at_the_end_and_in_the_status(tmp_path: Path) -> None:
    odd.joined(tmp_path / "a.ts", [(9000.0, SHOWN[:75]), (0.0, SHOWN[:1]), (9003.04, SHOWN[75:])])
    site(tmp_path, a="a.ts")
    result = corridor(tmp_path, "run", "site.toml", "--status", "status.json")
    assert result.returncode == 0, result.stderr
    assert "a: 1 frame left out: 1 whose time is far off and was not confirmed by the next ones" in result.stdout
    assert statuses(tmp_path)["a"]["left_out"] == {"stray": 1}


def unrated(path: Path) -> None:
    options = {"x265-params": "vui-timing-info=0:log-level=none"}
    odd.encode(path, SHOWN[:20], "libx265", container="hevc", options=options)


@pytest.mark.parametrize("command", ["run", "observe"])
def test_a_source_that_gave_nothing_is_exit_code_2_and_some_of_several_3(tmp_path: Path, command: str) -> None:
    unrated(tmp_path / "bare.hevc")
    write_clip(tmp_path / "clip.mp4", 50, size=SIZE)
    site(tmp_path, a="bare.hevc")
    alone = corridor(tmp_path, command, "site.toml", "--status", "status.json")
    assert alone.returncode == 2
    assert "states no frame rate" in alone.stderr.splitlines()[-1]
    assert statuses(tmp_path)["a"]["state"] == "failed"
    site(tmp_path, a="bare.hevc", b="clip.mp4")
    both = corridor(tmp_path, command, "site.toml", "--status", "status.json")
    assert both.returncode == 3, both.stderr
    assert "not everything was done: camera 'a': bare.hevc has no time stamps" in both.stderr
    assert statuses(tmp_path)["b"]["decoded"] == 50
    # What gave nothing was not read: once it is mended it is read after all.
    odd.bare(tmp_path / "clip.mp4", tmp_path / "bare.hevc")
    mended = corridor(tmp_path, command, "site.toml")
    assert mended.returncode == 0, mended.stderr


def test_a_check_that_finds_some_cameras_ends_with_3(tmp_path: Path) -> None:
    unrated(tmp_path / "bare.hevc")
    write_clip(tmp_path / "clip.mp4", 50)
    site(tmp_path, a="bare.hevc", b="clip.mp4")
    result = corridor(tmp_path, "cameras", "check", "site.toml")
    assert result.returncode == 3
    assert "1 of 2 cameras: a" in result.stderr.splitlines()[-1]
