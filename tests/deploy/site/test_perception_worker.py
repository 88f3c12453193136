"""Cameras to observations, with real files, the real detector and a real log."""

import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from deploy.log.base import Log
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS
from deploy.site import wiring
from deploy.site.cameras import runtime
from deploy.site.cameras.runtime import CameraProgress, FrameTap, stored_progress
from deploy.site.config import Config, parse_config
from deploy.site.perception_worker import Batching, PerceptionWorker
from deploy.site.wiring import make_perception_worker
from detect.detections import Detections
from detect.detector import BatchDetector
from detect.motion import MotionDetector
from detect.tracking import Tracker
from embed.observation import CameraEpoch, Gap, Message, Observation, Tick, TrackletState, decode, encode, order_key
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError
from ingest.feed import FeedState
from ingest.frame import Frame
from tests.ingest.clips import write_clip

SIZE = (320, 192)


def configure(folder: Path, cameras: dict[str, Path], extra: str = "", realtime: bool = False) -> Config:
    tables = [
        f'[[cameras]]\nid = "{name}"\nsource = "{path}"\nrealtime = {str(realtime).lower()}\n'
        for name, path in cameras.items()
    ]
    text = "".join(tables) + f'[detect]\ndetector = "motion"\n[log]\nurl = "sqlite:{folder}/log.db"\n{extra}'
    return parse_config(text, "test.toml")


def messages_of(log: Log, camera: str | None = None) -> list[Message]:
    messages = [decode(record.value) for record in log.read(OBSERVATIONS, 0, 100_000)]
    return [each for each in messages if isinstance(each, Message) and camera in (None, each.camera)]


def counts_by_epoch(messages: Sequence[Message]) -> dict[tuple[str, CameraEpoch], list[int | None]]:
    """The counts of a log, in its order."""
    counts = defaultdict[tuple[str, CameraEpoch], list[int | None]](list)
    for message in messages:
        counts[message.camera, message.epoch].append(message.count)
    return counts


def assert_counted(messages: Sequence[Message], *, epochs: int) -> None:
    """Every epoch counts 1, 2, 3, … over all its messages, whatever their kind, with nothing left out."""
    found = counts_by_epoch(messages)
    assert len(found) == epochs
    for counts in found.values():
        assert counts == list(range(1, len(counts) + 1))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 150, size=SIZE)


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "three_seconds.mp4", 75, size=SIZE)


class DayAhead(SystemClock):
    """A machine's clock that is a day ahead."""

    def now_ns(self) -> int:
        return super().now_ns() + 86_400 * NS


def test_a_camera_that_a_clock_a_day_ahead_has_timed_is_told_of_and_goes_on(
    tmp_path: Path, short: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configure(tmp_path, {"a": short}, realtime=True)
    log = open_log(config.log.url)
    writer = log.claim("camera/a")
    ahead = CameraProgress(DayAhead().now_ns())
    writer.commit([], state={"progress": msgspec.msgpack.encode(ahead)})
    writer.close()
    worker = make_perception_worker(config, log)
    assert re.search(r"camera 'a': .* 86[34]\d\d s ahead of this machine's clock", caplog.text)
    worker.run()
    assert worker.runtimes["a"].feed.counts.decoded == 75


def test_a_recording_becomes_observations_and_ticks(tmp_path: Path, clip: Path) -> None:
    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    make_perception_worker(config, log).run()
    messages = messages_of(log)
    ticks = [message for message in messages if isinstance(message, Tick)]
    assert [tick.at_ns // NS for tick in ticks[:-1]] == list(range(6))
    last = ticks[-1]
    assert last.final
    assert last.decoded == 150
    assert last.analysed == 48
    assert last.dropped == 0
    closed = [m for m in messages if isinstance(m, Observation) and m.state is TrackletState.CLOSED]
    assert len(closed) >= 1
    assert all(m.at_ns <= last.at_ns for m in messages)


def test_who_watches_sees_each_vehicle_under_the_number_of_its_observations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Path
) -> None:
    """The live page finds a vehicle's identity by it; the tracker's own ids are others."""
    next_ids = Tracker._next_ids
    monkeypatch.setattr(Tracker, "_next_ids", lambda tracker, count: next_ids(tracker, count) + 100)
    shown = set[tuple[int, int, tuple[int, ...]]]()

    def watch(frame: Frame, found: Detections) -> None:
        for number, box in zip(found.track_ids.tolist(), found.boxes.tolist(), strict=True):
            shown.add((number, frame.captured_ns // 1000, tuple(round(side * 10) for side in box)))

    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    make_perception_worker(config, log, tap=watch).run()
    said = [
        (each.track, each.first_ns // 1000 + at.offset_us, (at.left, at.top, at.right, at.bottom))
        for each in messages_of(log)
        if isinstance(each, Observation)
        for at in each.path
    ]
    assert len(said) > 20
    assert set(said) <= shown


def test_a_broken_camera_stops_no_other(tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty, cut = tmp_path / "empty.mp4", tmp_path / "cut.mp4"
    empty.write_bytes(b"")
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    config = configure(tmp_path, {"empty": empty, "good": clip, "cut": cut})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    worker.run()
    states = {name: runtime.feed.state for name, runtime in worker.runtimes.items()}
    assert states == {"empty": FeedState.FAILED, "good": FeedState.ENDED, "cut": FeedState.ENDED}
    finals = {m.camera: m.decoded for m in messages_of(log) if isinstance(m, Tick) and m.final}
    assert finals["good"] == 150
    assert 0 < finals["cut"] < 150
    assert finals["empty"] == 0  # its last word, so that nobody waits for it
    assert any("empty.mp4" in line for line in caplog.messages)
    assert any("cut.mp4 breaks off after" in line for line in caplog.messages)
    alone = open_log(f"sqlite:{tmp_path}/alone.db")
    make_perception_worker(configure(tmp_path, {"good": clip}), alone).run()
    assert messages_of(log, "good") == messages_of(alone, "good")


def test_an_interrupted_recording_goes_on_where_it_was(tmp_path: Path, clip: Path) -> None:
    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    first = make_perception_worker(config, log, tap=lambda frame, found: stop_at(frame.captured_ns))

    def stop_at(captured_ns: int) -> None:
        if captured_ns > 2 * NS:
            first.stop()

    first.run()
    assert not first.runtimes["a"].ended
    second = make_perception_worker(config, log)
    second.run()
    messages = messages_of(log)
    assert {message.epoch.generation for message in messages} == {1, 2}
    boundary = max(m.at_ns for m in messages if m.epoch.generation == 1)
    assert min(m.at_ns for m in messages if m.epoch.generation == 2) > boundary
    opened = {m.tracklet for m in messages if isinstance(m, Observation)}
    closed = {m.tracklet for m in messages if isinstance(m, Observation) and m.state is TrackletState.CLOSED}
    assert opened == closed
    assert_counted(messages, epochs=2)
    third = make_perception_worker(config, log)
    assert third.runtimes["a"].ended
    assert stored_progress(third.runtimes["a"].writer).ended


def test_a_camera_taken_over_is_let_go_and_the_other_goes_on(tmp_path: Path, clip: Path) -> None:
    config = configure(tmp_path, {"a": clip, "b": clip})
    log = open_log(config.log.url)
    taken = threading.Event()

    def take_over(captured_ns: int) -> None:
        if captured_ns > NS and not taken.is_set():
            taken.set()
            log.claim("camera/a")

    worker = make_perception_worker(config, log, tap=lambda frame, found: take_over(frame.captured_ns))
    worker.run()
    assert worker.runtimes["a"].fenced
    assert worker.runtimes["b"].ended
    assert max(m.at_ns for m in messages_of(log, "a")) <= 2 * NS


def test_a_paced_recording_takes_its_time_and_counts_what_it_drops(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.mp4", 50, size=SIZE)
    config = configure(tmp_path, {"a": clip}, realtime=True)
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    worker.run()
    feed = worker.runtimes["a"].feed.counts
    final = [m for m in messages_of(log) if isinstance(m, Tick)][-1]
    assert feed.decoded == 50 == final.decoded
    assert feed.skipped + final.analysed + worker.dropped("a") == 50
    assert final.at_ns > 1_700_000_000 * NS  # the moment the run started, not 1970


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


def test_what_never_gave_a_picture_has_not_been_read(tmp_path: Path, clip: Path) -> None:
    """It may be mended, and then it is read."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"")
    config = configure(tmp_path, {"a": broken})
    log = open_log(config.log.url)
    first = make_perception_worker(config, log)
    first.run()
    assert first.runtimes["a"].ended
    broken.write_bytes(clip.read_bytes())
    second = make_perception_worker(config, log)
    assert not second.runtimes["a"].ended
    second.run()
    assert second.runtimes["a"].analysed == 48
    assert make_perception_worker(config, log).runtimes["a"].ended


def test_only_some_cameras(tmp_path: Path, clip: Path) -> None:
    config = configure(tmp_path, {"a": clip, "b": clip})
    log = open_log(config.log.url)
    make_perception_worker(config, log, only=frozenset({"b"})).run()
    assert {message.camera for message in messages_of(log)} == {"b"}


def test_a_missing_file_is_said_before_anything_starts(tmp_path: Path) -> None:
    config = configure(tmp_path, {"a": tmp_path / "none.mp4"})
    with pytest.raises(ConfigError, match=r"none\.mp4"):
        make_perception_worker(config, open_log(config.log.url))


def test_records_given_up_are_reported_and_open_a_new_epoch(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that had to drop something: its camera says so, and no tracklet goes on over the gap."""
    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    runtime = worker.runtimes["a"]
    monkeypatch.setattr(
        type(runtime.writer), "dropped", property(lambda self: 7 if runtime.analysed >= 20 else 0), raising=True
    )
    worker.run()
    messages = messages_of(log)
    gaps = [message for message in messages if isinstance(message, Gap)]
    assert [(gap.records, gap.epoch.session) for gap in gaps] == [(7, 1)]
    before = {m.tracklet for m in messages if isinstance(m, Observation) and m.epoch.session == 0}
    closed = {m.tracklet for m in messages if isinstance(m, Observation) and m.state is TrackletState.CLOSED}
    assert before <= closed
    assert messages[-1].epoch.session == 1
    assert_counted(messages, epochs=2)
    assert gaps[0].count == 1


@pytest.mark.parametrize(("frames", "ticked"), [(101, True), (102, True), (126, True), (150, False)])
def test_tracklets_closed_at_the_end_of_a_session_are_told_from_duplicates_by_their_count(
    tmp_path: Path, frames: int, ticked: bool
) -> None:
    """CLOSED observations are dropped at the end of a session whenever its last frame brought a tick.

    The order of messages has a tick after the observations of its moment, and they are said after it. So their place in
    that order does not rise, as if they had been said before; their count does.
    """
    config = configure(tmp_path, {"a": write_clip(tmp_path / "clip.mp4", frames, size=SIZE)})
    log = open_log(config.log.url)
    make_perception_worker(config, log).run()
    messages = messages_of(log)
    assert_counted(messages, epochs=1)
    final = messages[-1]
    assert isinstance(final, Tick)
    assert final.final
    closing = [each for each in messages if isinstance(each, Observation) and each.state is TrackletState.CLOSED]
    assert len(closing) == 2
    latest = max(order_key(each) for each in messages[: messages.index(closing[0])])
    for each in closing:
        assert each.at_ns == final.at_ns
        assert (order_key(each) < latest) == ticked


def test_a_message_that_cannot_be_written_is_not_counted(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing from the counts of a log was lost after it was said, and nothing else."""
    config = configure(tmp_path, {"a": short})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)

    def encode_no_second_tick(message: Message) -> bytes:
        if isinstance(message, Tick) and message.sequence == 1:
            raise ValueError("not an observation")
        return encode(message)

    monkeypatch.setattr(runtime, "encode", encode_no_second_tick)
    worker.run()
    messages = messages_of(log)
    assert worker.runtimes["a"].unwritten == 1
    assert [each.sequence for each in messages if isinstance(each, Tick)] == [0, 2, 3]
    assert_counted(messages, epochs=1)
