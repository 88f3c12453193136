"""Annotated copies of recordings: every frame at its time, whole files only."""

from pathlib import Path

import av
import numpy as np
import pytest

from deploy.results.annotation import annotate, drawn, outline_of
from detect.detections import Detections
from detect.detector import OneByOne
from detect.motion import MotionDetector
from detect.tracking import Tracker
from ingest.errors import SourceError
from ingest.frame import ClockQuality, Frame
from ingest.video import RecordedVideo
from tests.ingest.clips import write_clip


def _annotate(path: Path, out: Path, stop_at: int = 10_000) -> tuple[int, int, str | None]:
    def report(done: int) -> None:
        if done >= stop_at:
            raise KeyboardInterrupt

    detector = OneByOne(MotionDetector(masks=False))
    done = annotate(RecordedVideo(path, "a"), detector, Tracker(), out, outline_of(path).frames_per_s, report)
    return done.frames, done.tracks, done.broken


@pytest.mark.parametrize("size", [(160, 96), (162, 98)])
def test_every_frame_at_its_time(tmp_path: Path, size: tuple[int, int]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 60, frames_per_s=20, size=size)
    frames, tracks, broken = _annotate(clip, tmp_path / "out" / "clip.mp4")
    assert (frames, broken) == (60, None)
    assert tracks >= 1
    with av.open(str(tmp_path / "out" / "clip.mp4")) as video:
        times_s = [frame.time for frame in video.decode(video=0)]
    assert times_s == pytest.approx([number / 20 for number in range(60)], abs=0.001)


def test_what_came_before_a_break_is_kept(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 200)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.6)])
    frames, _, broken = _annotate(cut, tmp_path / "copy.mp4")
    assert 0 < frames < 200
    assert broken is not None
    assert "breaks off" in broken
    with av.open(str(tmp_path / "copy.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == frames


def test_stopped_it_leaves_nothing(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 30)
    with pytest.raises(KeyboardInterrupt):
        _annotate(clip, tmp_path / "out" / "clip.mp4", stop_at=5)
    assert list((tmp_path / "out").iterdir()) == []


class _NoFrames:
    def frames(self) -> "list[Frame]":
        return []

    def close(self) -> None:
        return None


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frame"):
        annotate(_NoFrames(), OneByOne(MotionDetector()), Tracker(), tmp_path / "c.mp4", 25, lambda _: None)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_drawing_is_a_copy() -> None:
    frame = Frame("a", 0, 0, ClockQuality.FILE, np.zeros((100, 200, 3), np.uint8))
    found = Detections.of([[50, 40, 120, 90]])
    image = drawn(frame, found)
    assert not frame.image.any()
    assert image[40, 50:120].any(axis=1).all()
    assert image[30:38, 50:90].any()  # its label
