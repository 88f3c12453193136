"""What a student learns from: frames that are recorded, labelled once, and cut into parts."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from detect.detections import Detections  # noqa: E402 - torch first
from ingest.camera import Camera  # noqa: E402
from ingest.clock import SystemClock  # noqa: E402
from ingest.errors import ConfigError, SourceError  # noqa: E402
from ingest.frame import ClockQuality, Frame  # noqa: E402
from ingest.open_camera import open_camera  # noqa: E402
from tests.training.distil.drawn_traffic import (  # noqa: E402
    SURE,
    Seeing,
    after,
    camera,
    labelled,
    never,
    silent,
    write_traffic,
)
from training.distil import footage  # noqa: E402
from training.distil.footage import COMPLETE, RecordedFrame, RecordingTarget, record, recorded_frames  # noqa: E402
from training.distil.input_size import input_size  # noqa: E402
from training.distil.labels import LabelledFrame, Splits, TeacherDetector, common_labels, label  # noqa: E402


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traffic(tmp_path_factory.mktemp("clips") / "drawn.mp4")


def test_a_recording_that_was_stopped_gives_the_same_frames(clip: Path, tmp_path: Path) -> None:
    target, clock, cameras = RecordingTarget(4.0, 40), SystemClock(), [camera(clip), camera(clip, "again")]
    record(cameras, tmp_path / "whole", target, clock, silent, silent, never)
    record(cameras, tmp_path / "parts", target, clock, silent, silent, after(9))
    assert 0 < len(recorded_frames(tmp_path / "parts", "drawn")) < 40
    assert not (tmp_path / "parts" / "drawn" / COMPLETE).exists()
    done: list[tuple[int, int]] = []
    said: list[str] = []
    record(cameras, tmp_path / "parts", target, clock, lambda *d: done.append(d), said.append, never)
    assert not said
    assert done[-1] == (80, 80)
    for name in ("drawn", "again"):
        frames = [recorded_frames(tmp_path / folder, name) for folder in ("whole", "parts")]
        assert [[kept.captured_ns for kept in each] for each in frames] == [[n * 250_000_000 for n in range(40)]] * 2
        assert all(np.array_equal(a.image(), b.image()) for a, b in zip(*frames, strict=True))


def test_a_recording_that_gives_nothing(tmp_path: Path, clip: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    target, clock = RecordingTarget(4.0, 40), SystemClock()
    with pytest.raises(SourceError, match=r"camera 'drawn': cannot open .*empty\.mp4"):
        record([camera(empty)], tmp_path / "frames", target, clock, silent, silent, never)
    with pytest.raises(ConfigError, match="there is no file"):
        record([camera(tmp_path / "none.mp4")], tmp_path / "frames", target, clock, silent, silent, never)


def test_a_recording_that_breaks_off_is_not_complete(tmp_path: Path, clip: Path) -> None:
    cut, frames = tmp_path / "cut.mp4", tmp_path / "frames"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    said: list[str] = []
    record([camera(cut)], frames, RecordingTarget(4.0, 40), SystemClock(), silent, said.append, never)
    (line,) = said
    assert "breaks off after" in line
    assert 5 < len(recorded_frames(frames, "drawn")) < 40
    assert not (frames / "drawn" / COMPLETE).exists()
    cut.write_bytes(clip.read_bytes())
    record([camera(cut)], frames, RecordingTarget(4.0, 40), SystemClock(), silent, said.append, never)
    assert said == [line]
    assert len(recorded_frames(frames, "drawn")) == 40
    assert (frames / "drawn" / COMPLETE).exists()


class Gate:
    """What a source of a camera does: so many frames, until it is let go on, and what it ends by."""

    def __init__(self, frames: int, first_ns: int = 0, until: Event | None = None, ends: str = "") -> None:
        self._frames, self._first_ns, self._until, self._ends = frames, first_ns, until, ends

    def frames(self) -> Iterator[Frame]:
        for number in range(self._frames):
            at_ns = self._first_ns + number * 1_000_000_000
            yield Frame("gate", number, at_ns, ClockQuality.FILE, np.zeros((8, 8, 3), np.uint8))
            SystemClock().sleep(0.03)  # so that none is replaced by the next one
        if self._until is not None:
            self._until.wait(20)
        if self._ends:
            raise SourceError(self._ends)

    def close(self) -> None:
        """Nothing is open."""


AWAY: dict[str, tuple[str, str]] = {
    "broken": ("camera 'gate': gone", "camera 'gate': gone; still waiting"),
    "silent": ("", "camera 'gate': rtsp://127.0.0.1:9/x gives no frame; still waiting"),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_camera_that_goes_away_is_told_of_once_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ends, line = AWAY[name]
    told, opened_times, said = Event(), count(), list[str]()

    def opened(*args: object, **rest: object) -> Gate:
        if next(opened_times) == 0:
            return Gate(2, until=None if ends else told, ends=ends)
        return Gate(2, 10_000_000_000) if told.is_set() else Gate(0, ends=ends)

    def notify(text: str) -> None:
        said.append(text)
        told.set()

    monkeypatch.setattr(footage, "open_camera", opened)
    monkeypatch.setattr(footage, "PATIENCE_S", 0.3)
    monkeypatch.setattr(footage, "WAIT_S", 0.02)
    gate = Camera(id="gate", source="rtsp://127.0.0.1:9/x")
    record([gate], tmp_path, RecordingTarget(2.0, 4), SystemClock(), silent, notify, never)
    assert said == [line]
    assert [kept.captured_ns // 1_000_000_000 for kept in recorded_frames(tmp_path, "gate")] == [0, 1, 10, 11]


def test_the_camera_that_gives_nothing_is_named_not_the_one_that_waits_for_it(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = Event()
    monkeypatch.setattr(footage, "PATIENCE_S", 0.6)

    def opened(which: Camera, **rest: int | None) -> object:
        return Gate(0, until=given_up) if which.id == "gate" else open_camera(which, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(footage, "open_camera", opened)
    cameras, said = [camera(clip), camera(clip, "gate")], list[str]()
    with pytest.raises(SourceError, match=r"camera 'gate': .*drawn\.mp4 gives no frame"):
        record(cameras, tmp_path, RecordingTarget(4.0, 40), SystemClock(), silent, said.append, never)
    given_up.set()
    assert not said


def test_a_camera_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "PATIENCE_S", 0.6)
    away = Camera(id="gate", source="rtsp://127.0.0.1:9/x")
    with pytest.raises(SourceError, match="camera 'gate'"):
        record([away], tmp_path, RecordingTarget(2.0, 4), SystemClock(), silent, silent, never)


def test_nothing_is_asked_twice(clip: Path, tmp_path: Path) -> None:
    frames_folder, path = tmp_path / "frames", tmp_path / "labels.jsonl"
    cameras = [camera(clip), camera(clip, "again")]
    record(cameras, frames_folder, RecordingTarget(2.0, 20), SystemClock(), silent, silent, never)
    frames = [kept for each in cameras for kept in recorded_frames(frames_folder, each.id)]
    seeing = Seeing()
    by = TeacherDetector("drawn", seeing, SURE)
    assert label(frames, by, path, silent, after(4)) is None
    assert seeing.asked == 8
    with path.open("ab") as file:
        file.write(b'{"frame": "drawn/1')  # a process that was killed
    done: list[tuple[int, int]] = []
    found = label(frames, by, path, lambda *d: done.append(d), never)
    assert found is not None
    assert seeing.asked == 40
    assert done == [(number, 40) for number in range(8, 41, 2)]
    alone = [Seeing()([each.recorded.frame()])[0] for each in found]
    assert all(np.allclose(a.boxes, each.found.boxes) for a, each in zip(alone, found, strict=True))
    assert [each.found.labels for each in found] == [a.labels for a in alone]
    path.write_text("{}\n")
    with pytest.raises(ConfigError, match="has a line that is no label"):
        label(frames, by, path, silent, never)


def test_parts_are_cut_by_each_camera_s_own_time(clip: Path, tmp_path: Path) -> None:
    frames = labelled(clip, tmp_path)
    parts = Splits.of(frames)
    assert [len(part) for part in (parts.train, parts.validation, parts.held_out)] == [72, 12, 36]
    assert parts.train + parts.validation + parts.held_out == frames
    late = [
        LabelledFrame(RecordedFrame("late", 10**15 + number, Path("none.jpg")), Detections.none(), (1, 1))
        for number in range(11)
    ]
    both = Splits.of([each for pair in zip(frames, late, strict=False) for each in pair] + frames[len(late) :])
    assert [each.recorded.captured_ns - 10**15 for each in both.train if each.recorded.camera_id == "late"] == list(
        range(6)
    )
    assert [each.recorded.captured_ns - 10**15 for each in both.held_out if each.recorded.camera_id == "late"] == list(
        range(7, 11)
    )
    assert [each for each in both.validation if each.recorded.camera_id == "drawn"] == parts.validation


def test_rare_labels_are_left_out(clip: Path, tmp_path: Path) -> None:
    frames = labelled(clip, tmp_path)[:30]
    odd = Detections.of([[0, 0, 9, 9]], labels="tram")
    frames[0] = LabelledFrame(frames[0].recorded, odd, frames[0].size)
    labels, rare = common_labels(frames, 0.5)
    assert sorted(labels) == ["car", "truck"]
    assert rare == {"tram": 1}


def test_a_small_vehicle_asks_for_a_larger_input() -> None:
    def frames(side: float) -> list[LabelledFrame]:
        found = Detections.of([[0.0, 0.0, side, side]])
        return [LabelledFrame(RecordedFrame("a", 0, Path("none.jpg")), found, (1920, 1080))]

    sizes = {side: input_size(frames(side), 0.5) for side in (300.0, 40.0, 5.0)}
    assert sizes == {300.0: (256, 128), 40.0: (384, 224), 5.0: (512, 288)}
