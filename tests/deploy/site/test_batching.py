"""Frames of several cameras that go to the detector together."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.log.base import Log
from deploy.log.opening import open_log
from deploy.site import wiring
from deploy.site.cameras.runtime import FrameTap
from deploy.site.perception_worker import Batching, PerceptionWorker
from deploy.site.wiring import make_perception_worker
from detect.detections import Detections
from detect.detector import BatchDetector
from detect.motion import MotionDetector
from embed.observation import Tick
from ingest.clock import NS
from ingest.frame import Frame
from tests.deploy.site.test_perception_worker import SIZE, configure, messages_of
from tests.ingest.clips import write_clip


class FailsOnCamera:
    """A detector that cannot look at one camera's pictures."""

    def __init__(self, camera: str) -> None:
        self._camera = camera

    def __call__(self, frame: Frame) -> Detections:
        if frame.camera_id == self._camera:
            raise ValueError("an odd picture")
        return Detections.none()


def test_pictures_that_cannot_be_analysed_stop_no_other_camera(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wiring, "make_detector", lambda settings, masks: FailsOnCamera("a"))
    config = configure(tmp_path, {"a": clip, "b": clip})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    worker.run()
    assert (worker.runtimes["a"].failed, worker.runtimes["a"].analysed) == (48, 0)
    assert (worker.runtimes["b"].failed, worker.runtimes["b"].analysed) == (0, 48)
    assert len([line for line in caplog.messages if "an odd picture" in line]) == 1
    assert {m.camera for m in messages_of(log) if isinstance(m, Tick) and m.final} == {"a", "b"}


class Together:
    """A batch detector over a cheap one, which keeps what it was given; `afraid_of` as above."""

    def __init__(self, afraid_of: str = "") -> None:
        self._detector = MotionDetector()
        self._afraid_of = afraid_of
        self.calls: list[list[tuple[str, int]]] = []

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        self.calls.append([(frame.camera_id, frame.captured_ns) for frame in frames])
        if any(frame.camera_id == self._afraid_of for frame in frames):
            raise ValueError("an odd picture")
        return [self._detector(frame) for frame in frames]


def run_together(
    folder: Path, cameras: dict[str, Path], detector: BatchDetector, limit: int, tap: FrameTap | None = None
) -> tuple[PerceptionWorker, Log]:
    """Recordings to their end, with up to `limit` frames in a call of the detector."""
    folder.mkdir()
    config = configure(folder, cameras)
    log = open_log(config.log.url)
    with pytest.MonkeyPatch.context() as patch:
        batching = Batching(limit=limit, within_s=0.02)
        patch.setattr(wiring, "make_batch_detector", lambda config, cameras, clock: (detector, batching))
        worker = make_perception_worker(config, log, tap=tap)
    worker.run()
    return worker, log


def test_batches_of_recordings_are_the_same_every_time_and_change_no_message(tmp_path: Path, short: Path) -> None:
    shorter = write_clip(tmp_path / "shorter.mp4", 30, size=SIZE)
    cameras = {"a": short, "b": shorter, "c": short}
    calls, logged = [], []
    for name, limit in (("one", 1), ("three", 3), ("again", 3), ("two", 2)):
        detector = Together()
        _, log = run_together(tmp_path / name, cameras, detector, limit)
        calls.append(detector.calls)
        logged.append(messages_of(log))
    assert {len(call) for call in calls[0]} == {1}
    assert [call for batch in calls[1] for call in batch] == [call for batch in calls[0] for call in batch]
    assert len(calls[1]) < len(calls[0]) / 2
    assert all(len({camera for camera, _ in call}) == len(call) for call in calls[1])
    assert calls[2] == calls[1]
    assert logged[0] == logged[1] == logged[2] == logged[3]


def test_an_odd_camera_in_a_batch_takes_no_other_down(
    tmp_path: Path, short: Path, caplog: pytest.LogCaptureFixture
) -> None:
    detector = Together(afraid_of="b")
    worker, log = run_together(tmp_path / "odd", {"a": short, "b": short, "c": short}, detector, 3)
    assert {name: (each.analysed, each.failed) for name, each in worker.runtimes.items()} == {
        "a": (24, 0),
        "b": (0, 24),
        "c": (24, 0),
    }
    assert [len(call) for call in detector.calls[:8]] == [3, 1, 1, 1, 2, 1, 2, 1]
    assert len([line for line in caplog.messages if "an odd picture" in line]) == 1
    _, alone = run_together(tmp_path / "alone", {"a": short}, Together(), 3)
    assert messages_of(log, "a") == messages_of(alone, "a")


def test_whoever_watches_has_a_frame_before_the_log_has_it(tmp_path: Path, short: Path) -> None:
    folder, seen = tmp_path / "watched", []

    def watch(frame: Frame, found: Detections) -> None:
        log = open_log(f"sqlite:{folder}/log.db")
        seen.append((frame.captured_ns, max((each.at_ns for each in messages_of(log)), default=-1)))
        log.close()

    _, log = run_together(folder, {"a": short}, Together(), 1, watch)
    assert len(seen) == 24
    assert all(on_the_log_ns < captured_ns for captured_ns, on_the_log_ns in seen)
    assert messages_of(log)[-1].at_ns == seen[-1][0]


def test_a_camera_taken_over_amid_a_batch_is_let_go_and_the_others_go_on(tmp_path: Path, short: Path) -> None:
    cameras = {"a": short, "b": short, "c": short}
    folder = tmp_path / "fenced"

    def take_over(frame: Frame, found: Detections) -> None:
        if frame.camera_id == "a" and frame.captured_ns == NS:
            open_log(f"sqlite:{folder}/log.db").claim("camera/b")

    worker, log = run_together(folder, cameras, Together(), 3, take_over)
    assert {name: (each.fenced, each.ended) for name, each in worker.runtimes.items()} == {
        "a": (False, True),
        "b": (True, False),
        "c": (False, True),
    }
    assert max(message.at_ns for message in messages_of(log, "b")) <= NS
    assert messages_of(log, "a")[-1].at_ns == messages_of(log, "c")[-1].at_ns > 2 * NS


def test_a_stop_amid_a_batch_loses_no_frame(tmp_path: Path, short: Path) -> None:
    """What had been fetched and not analysed is read again by the next run."""
    cameras = {"a": short, "b": short}
    workers: list[PerceptionWorker] = []
    seen: list[tuple[str, int]] = []

    def stop_at(frame: Frame, found: Detections) -> None:
        seen.append((frame.camera_id, frame.captured_ns))
        if frame.captured_ns == NS:
            workers[0].stop()

    config = configure(tmp_path, cameras)
    for _ in range(2):
        log = open_log(config.log.url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wiring, "make_batch_detector", lambda config, cameras, clock: (Together(), Batching(2, 0.02)))
            workers.insert(0, make_perception_worker(config, log, tap=stop_at))
        workers[0].run()
        log.close()
    for camera in cameras:
        times = [at_ns for name, at_ns in seen if name == camera]
        assert all(0 < later - before <= 160_000_000 for before, later in pairwise(times))
        assert times[-1] > 2 * NS
    assert all(runtime.ended for runtime in workers[0].runtimes.values())
