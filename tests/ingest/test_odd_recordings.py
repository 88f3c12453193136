"""Recordings that are not as they should be: every frame has its place, or is counted by reason."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.clock import NS
from ingest.errors import SourceError
from ingest.frame import Frame, Image
from ingest.video import RecordedVideo
from tests.ingest import odd_clips as odd
from tests.ingest.clips import SIZE, write_clip

Maker = Callable[[Path], Path]
SHOWN = odd.images(60)

WHOLE: dict[str, Maker] = {
    "bare H.264": lambda folder: odd.bare(write_clip(folder / "a.mp4", 60), folder / "a.h264"),
    "bare H.265": lambda folder: odd.encode(folder / "a.hevc", SHOWN, "libx265", container="hevc"),
    "bare MPEG-2": lambda folder: odd.encode(folder / "a.m2v", SHOWN, "mpeg2video", container="mpeg2video"),
    "clock begins again": lambda folder: odd.joined(folder / "a.ts", [(5.0, SHOWN[:30]), (5.0, SHOWN[30:])]),
    "clock begins again, further back": lambda folder: odd.joined(
        folder / "a.ts", [(90.0, SHOWN[:30]), (5.0, SHOWN[30:])]
    ),
    "many short parts": lambda folder: odd.joined(
        folder / "a.ts", [(1.0, SHOWN[at : at + 10]) for at in range(0, 60, 10)]
    ),
    "cover image first": lambda folder: odd.with_cover(folder / "a.mp4", SHOWN),
    "two videos": lambda folder: odd.two_videos(folder / "a.mkv", odd.images(60, (80, 48)), SHOWN),
}


def play(path: Path) -> tuple[list[Frame], RecordedVideo]:
    video = RecordedVideo(path, "a")
    return list(video.frames()), video


@pytest.mark.parametrize("name", WHOLE)
def test_every_frame_of_the_video_comes_at_its_rate(tmp_path: Path, name: str) -> None:
    frames, video = play(WHOLE[name](tmp_path))
    assert [frame.captured_ns for frame in frames] == [number * NS // 25 for number in range(60)]
    assert [frame.sequence for frame in frames] == list(range(60))
    assert {frame.size for frame in frames} == {SIZE}
    assert not set(video.status().left_out) - {"other_video"}
    for frame, image in zip(frames, SHOWN, strict=True):
        assert np.abs(frame.image.astype(int) - image).mean() < 8


def test_a_clock_that_begins_again_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, video = play(WHOLE["many short parts"](tmp_path))
    assert "goes back by 0.4 s at 0.4 s" in caplog.text
    assert caplog.text.count("goes back") == 1
    assert any("was set anew 5 times" in note for note in video.status().notes)


def test_a_choice_among_videos_is_named_and_the_rest_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, video = play(WHOLE["two videos"](tmp_path))
    assert video.status().left_out == {"other_video": 60}
    assert "stream 1 (160x96) is read, of 2 videos; not read: 0 (80x48)" in caplog.text
    _, cover = play(WHOLE["cover image first"](tmp_path))
    assert cover.status().left_out == {"other_video": 1}
    assert not cover.status().notes


@pytest.mark.parametrize("codec", ["aac", "libx264"])
def test_a_stream_that_begins_later_is_passed_over(tmp_path: Path, codec: str) -> None:
    frames, video = play(odd.later_stream(tmp_path / "a.ts", 300, codec))
    assert [frame.captured_ns for frame in frames] == [number * NS // 25 for number in range(300)]
    assert [note for note in video.status().notes if "it begins later" in note] == list(video.status().notes)
    assert set(video.status().left_out) == ({"other_video"} if codec == "libx264" else set())


def test_a_pause_stays_as_long_as_it_was(tmp_path: Path) -> None:
    frames, video = play(odd.joined(tmp_path / "a.ts", [(1.0, SHOWN[:30]), (3600.0, SHOWN[30:])]))
    assert len(frames) == 60
    assert frames[30].captured_ns - frames[0].captured_ns == pytest.approx(3599 * NS, abs=NS // 10)
    assert not video.status().left_out


def test_time_stamps_that_run_out_of_bits_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames, _ = play(odd.joined(tmp_path / "a.ts", [(2**33 / 90_000 - 1.0, SHOWN[:25]), (0.0, SHOWN[25:])]))
    assert [frame.captured_ns for frame in frames] == pytest.approx([n * NS / 25 for n in range(60)], abs=NS / 200)
    assert not caplog.text


@pytest.mark.parametrize("off_s", [10_000.0, 0.0])
def test_one_frame_that_is_hours_off_is_left_out_and_counted(
    tmp_path: Path, off_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    parts = [(5000.0, SHOWN[:30]), (off_s, SHOWN[30:31]), (5000.0 + 31 / 25, SHOWN[31:])]
    frames, video = play(odd.joined(tmp_path / "a.ts", parts))
    assert [frame.sequence for frame in frames] == [*range(30), *range(31, 60)]
    assert all(after.captured_ns - before.captured_ns <= 2 * NS // 25 for before, after in pairwise(frames))
    assert video.status().left_out == {"stray": 1}
    assert "1 frame left out: 1 whose time is far off" in caplog.text


def test_times_that_go_up_and_down_cost_a_frame_at_most(tmp_path: Path) -> None:
    """AVI with B-frames: presentation times are those of other frames, decoding times are right."""
    frames, video = play(odd.encode(tmp_path / "a.avi", SHOWN, options={"bf": "3"}))
    assert len(frames) >= 58
    assert len(frames) + sum(video.status().left_out.values()) == 60
    assert all(after.captured_ns > before.captured_ns for before, after in pairwise(frames))


NOTHING: dict[str, tuple[Maker, str]] = {
    "no times and no rate": (
        lambda folder: odd.encode(
            folder / "a.hevc", SHOWN, "libx265", container="hevc", options={"x265-params": "vui-timing-info=0"}
        ),
        r"states no frame rate.*ffmpeg -framerate 25 -i a\.hevc -c copy a\.mp4",
    ),
    "invented times": (
        lambda folder: odd.encode(folder / "a.mjpeg", SHOWN, "mjpeg", container="mjpeg"),
        "states no frame rate",
    ),
    "nothing but headers": (
        lambda folder: _headers_only(odd.encode(folder / "a.mkv", SHOWN)),
        "gave no frame|cannot open",
    ),
}


def _headers_only(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:700])
    return path


@pytest.mark.parametrize("name", NOTHING)
def test_a_recording_that_gives_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    maker, said = NOTHING[name]
    with pytest.raises(SourceError, match=said):
        play(maker(tmp_path))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_recording_comes_as_a_player_shows_it(tmp_path: Path, degrees: int) -> None:
    frames, _ = play(odd.turned(tmp_path / "a.mp4", SHOWN, degrees))
    assert frames[0].size == SIZE
    assert np.abs(frames[40].image.astype(int) - SHOWN[40]).mean() < 8


MIRRORED: dict[str, tuple[tuple[int, int, int, int], Callable[[Image], Image]]] = {
    "left to right": ((-(1 << 16), 0, 0, 1 << 16), lambda image: image[:, ::-1]),
    "upside down": ((1 << 16, 0, 0, -(1 << 16)), lambda image: image[::-1]),
    "lying and mirrored": ((0, 1 << 16, 1 << 16, 0), lambda image: image.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", MIRRORED)
def test_a_mirrored_recording_comes_as_a_player_shows_it(tmp_path: Path, name: str) -> None:
    matrix, stored = MIRRORED[name]
    frames, _ = play(odd.with_matrix(tmp_path / "a.mp4", [stored(image) for image in SHOWN], matrix))
    assert np.abs(frames[40].image.astype(int) - SHOWN[40]).mean() < 8


@pytest.mark.parametrize(
    ("pixel_aspect", "width"), [(Fraction(2), 320), (Fraction(16, 11), 233), (Fraction(1, 2), 80), (Fraction(500), 160)]
)
def test_pixels_that_are_not_square_are_made_so(tmp_path: Path, pixel_aspect: Fraction, width: int) -> None:
    frames, _ = play(odd.encode(tmp_path / "a.mp4", SHOWN, pixel_aspect=pixel_aspect))
    assert frames[0].size == (width, SIZE[1])
