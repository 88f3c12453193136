"""Cameras to observations, with real files, the real detector and a real log."""

import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from deploy.log.base import Log
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS
from deploy.site.cameras import runtime
from deploy.site.cameras.runtime import CameraProgress, stored_progress
from deploy.site.config import Config, parse_config
from deploy.site.wiring import make_perception_worker
from detect.detections import Detections
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
