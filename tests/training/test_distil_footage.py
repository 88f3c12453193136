"""What a student learns from: frames that are recorded, labelled once, and cut into parts."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from detect.detections import Detections  # noqa: E402 - torch first
from ingest.camera import Camera  # noqa: E402
from ingest.clock import SystemClock  # noqa: E402
from ingest.errors import ConfigError, SourceError  # noqa: E402
from tests.training.drawn_traffic import (  # noqa: E402
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
from training.distil.footage import COMPLETE, Kept, Wanted, kept_frames, record  # noqa: E402
from training.distil.input_size import input_size  # noqa: E402
from training.distil.labels import Labelled, Parts, Teacher, common_labels, label  # noqa: E402


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traffic(tmp_path_factory.mktemp("clips") / "drawn.mp4")


def test_a_recording_that_was_stopped_gives_the_same_frames(clip: Path, tmp_path: Path) -> None:
    wanted, clock, cameras = Wanted(4.0, 40), SystemClock(), [camera(clip), camera(clip, "again")]
    record(cameras, tmp_path / "whole", wanted, clock, silent, never)
    record(cameras, tmp_path / "parts", wanted, clock, silent, after(9))
    assert 0 < len(kept_frames(tmp_path / "parts", "drawn")) < 40
    assert not (tmp_path / "parts" / "drawn" / COMPLETE).exists()
    done: list[tuple[int, int]] = []
    assert record(cameras, tmp_path / "parts", wanted, clock, lambda *d: done.append(d), never) == []
    assert done[-1] == (80, 80)
    for name in ("drawn", "again"):
        frames = [kept_frames(tmp_path / folder, name) for folder in ("whole", "parts")]
        assert [[kept.captured_ns for kept in each] for each in frames] == [[n * 250_000_000 for n in range(40)]] * 2
        assert all(np.array_equal(a.image(), b.image()) for a, b in zip(*frames, strict=True))


def test_a_recording_that_gives_nothing(tmp_path: Path, clip: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    wanted, clock = Wanted(4.0, 40), SystemClock()
    with pytest.raises(SourceError, match=r"camera 'drawn': cannot open .*empty\.mp4"):
        record([camera(empty)], tmp_path / "frames", wanted, clock, silent, never)
    with pytest.raises(ConfigError, match="there is no file"):
        record([camera(tmp_path / "none.mp4")], tmp_path / "frames", wanted, clock, silent, never)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (said,) = record([camera(cut)], tmp_path / "frames", wanted, clock, silent, never)
    assert "breaks off after" in said
    assert len(kept_frames(tmp_path / "frames", "drawn")) > 5


def test_a_camera_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "PATIENCE_S", 0.6)
    away = Camera(id="gate", source="rtsp://127.0.0.1:9/x")
    with pytest.raises(SourceError, match="camera 'gate'"):
        record([away], tmp_path, Wanted(2.0, 4), SystemClock(), silent, never)


def test_nothing_is_asked_twice(clip: Path, tmp_path: Path) -> None:
    frames_folder, path = tmp_path / "frames", tmp_path / "labels.jsonl"
    cameras = [camera(clip), camera(clip, "again")]
    record(cameras, frames_folder, Wanted(2.0, 20), SystemClock(), silent, never)
    frames = [kept for each in cameras for kept in kept_frames(frames_folder, each.id)]
    seeing = Seeing()
    by = Teacher("drawn", seeing, SURE)
    assert label(frames, by, path, silent, after(4)) is None
    assert seeing.asked == 8
    with path.open("ab") as file:
        file.write(b'{"frame": "drawn/1')  # a process that was killed
    found = label(frames, by, path, silent, never)
    assert found is not None
    assert seeing.asked == 40
    alone = [Seeing()([each.kept.frame()])[0] for each in found]
    assert all(np.allclose(a.boxes, each.found.boxes) for a, each in zip(alone, found, strict=True))
    assert [each.found.labels for each in found] == [a.labels for a in alone]
    path.write_text("{}\n")
    with pytest.raises(ConfigError, match="has a line that is no label"):
        label(frames, by, path, silent, never)


def test_parts_are_cut_by_each_camera_s_own_time(clip: Path, tmp_path: Path) -> None:
    frames = labelled(clip, tmp_path)
    parts = Parts.of(frames)
    assert [len(part) for part in (parts.learn, parts.choose, parts.held)] == [72, 12, 36]
    assert parts.learn + parts.choose + parts.held == frames


def test_rare_labels_are_left_out(clip: Path, tmp_path: Path) -> None:
    frames = labelled(clip, tmp_path)[:30]
    odd = Detections.of([[0, 0, 9, 9]], labels="tram")
    frames[0] = Labelled(frames[0].kept, odd, frames[0].size)
    labels, rare = common_labels(frames, 0.5)
    assert sorted(labels) == ["car", "truck"]
    assert rare == {"tram": 1}


def test_a_small_vehicle_asks_for_a_larger_input() -> None:
    def frames(side: float) -> list[Labelled]:
        found = Detections.of([[0.0, 0.0, side, side]])
        return [Labelled(Kept("a", 0, Path("none.jpg")), found, (1920, 1080))]

    sizes = {side: input_size(frames(side), 0.5) for side in (300.0, 40.0, 5.0)}
    assert sizes == {300.0: (256, 128), 40.0: (384, 224), 5.0: (512, 288)}
