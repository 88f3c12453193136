"""Cameras that come, change and go while others are watched, over our own RTSP server."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.city.rtsp.server import RtspServer
from deploy.log.base import Log
from deploy.log.opening import open_log
from deploy.site.cameras import changes, duty
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.following import RosterFollower
from deploy.site.cameras.roster import read_roster
from deploy.site.cameras.runtime import CameraRuntime
from deploy.site.cameras.sharing import FixedShare
from deploy.site.config import Config, parse_config
from deploy.site.perception_worker import PerceptionWorker
from deploy.site.wiring import make_perception_worker
from detect.detections import Detections
from embed.observation import Observation, Tick, TrackletState
from ingest.clock import NS, SystemClock
from ingest.frame import Frame
from ingest.network.h264 import recorded_units
from tests.deploy.site.test_perception_worker import SIZE, assert_counted, configure, messages_of
from tests.ingest.clips import write_clip

PATIENCE_S = 120.0
SAID: dict[str, Any] = {"at_ns": 7, "by": "me"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """Three cameras without an end."""
    clip = write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 50, size=SIZE)
    with RtspServer() as server:
        for path in ("/a", "/b", "/c"):
            server.add(path, lambda: recorded_units(clip, starts_ns=SystemClock().now_ns(), loop=True))
        yield server


class Site:
    """Cameras a and b, watched by a worker in a thread; the roster is followed."""

    def __init__(self, config: Config, log: Log, worker: PerceptionWorker) -> None:
        self.config, self.log, self.worker = config, log, worker

    def until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, f"cameras: {list(self.worker.runtimes)}"
            time.sleep(0.02)

    def runtime(self, camera: str) -> CameraRuntime:
        """A camera that gives frames."""
        self.until(lambda: camera in self.worker.runtimes and self.worker.runtimes[camera].analysed > 2)
        return self.worker.runtimes[camera]

    def make(self, change: Callable[..., object], camera: str, *given: object) -> None:
        change(self.log, self.config, camera, *given, **SAID)


@contextmanager
def site(folder: Path, sources: dict[str, str]) -> Iterator[Site]:
    text = "".join(f'[[cameras]]\nid = "{name}"\nsource = "{source}"\n' for name, source in sources.items())
    rest = f'[detect]\ndetector = "motion"\n[embed]\nencoder = "colour"\n[log]\nurl = "sqlite:{folder}/log.db"\n'
    config = parse_config(text + rest, "site.toml")
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    thread = threading.Thread(target=worker.run)
    with duty.on_duty(config, log, read_roster(config, log), worker, name="me", only=None):
        thread.start()
        try:
            yield Site(config, log, worker)
        finally:
            worker.stop()
            thread.join()


def test_cameras_come_change_and_go_while_another_goes_on(
    tmp_path: Path, server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "LOOK_S", 0.05)
    with site(tmp_path, {"a": server.url("/a"), "b": server.url("/b")}) as at:
        untouched, changed = at.runtime("a"), at.runtime("b")
        at.make(changes.add, "c", CameraChanges(source=server.url("/c")))
        added = at.runtime("c")
        at.make(changes.change, "b", CameraChanges(source=server.url("/c")))
        at.until(lambda: at.worker.runtimes.get("b") not in (None, changed))
        assert at.runtime("b").camera.source == server.url("/c")
        at.until(lambda: changed.feed._source is None and server.viewers("/b") == 0)  # let go, not left open
        at.make(changes.pause, "b")
        at.until(lambda: "b" not in at.worker.runtimes)
        at.make(changes.remove, "c")
        at.until(lambda: "c" not in at.worker.runtimes)
        for camera in "bc":
            said = messages_of(at.log, camera)
            assert isinstance(said[-1], Tick)
            assert said[-1].final  # nobody waits for it
            seen = [each for each in said if isinstance(each, Observation)]
            assert {each.tracklet for each in seen} == {
                each.tracklet for each in seen if each.state is TrackletState.CLOSED
            }
        assert_counted(messages_of(at.log, "b"), epochs=2)
        at.make(changes.resume, "b")
        at.runtime("b")
        assert at.worker.runtimes["a"] is untouched
        assert (untouched.feed.counts.opened, added.feed.counts.opened) == (1, 1)
        assert at.worker.withdrawn.total() == 0
    messages = messages_of(at.log, "b")
    assert_counted(messages, epochs=3)
    assert [tick.final for tick in messages if isinstance(tick, Tick)].count(True) == 1
    assert_counted(messages_of(at.log, "a"), epochs=1)


def test_the_last_camera_may_go_and_a_worker_without_any_waits_for_one(
    tmp_path: Path, server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "LOOK_S", 0.05)
    with site(tmp_path, {"a": server.url("/a")}) as at:
        at.make(changes.pause, "a")  # perhaps before its first frame
        at.until(lambda: not at.worker.runtimes)
        time.sleep(0.5)
        assert not at.worker.closed.is_set()
        at.make(changes.resume, "a")
        at.runtime("a")
    assert at.worker.closed.is_set()


def test_a_paused_recording_goes_on_where_it_was(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 100, size=SIZE)
    config = configure(tmp_path, {"a": clip, "b": clip})
    log, seen, paused = open_log(config.log.url), threading.Event(), threading.Event()

    def tap(frame: Frame, found: Detections) -> None:
        if frame.camera_id == "a" and frame.captured_ns > NS:
            seen.set()
        while seen.is_set() and not paused.is_set() and not worker._changes:  # nothing more until the pause has come
            time.sleep(0.01)

    worker = make_perception_worker(config, log, tap=tap)
    thread = threading.Thread(target=worker.run)
    follower = RosterFollower(log, read_roster(config, log), worker, FixedShare(None))
    with worker.changing():
        thread.start()
        seen.wait()
        changes.pause(log, config, "a", **SAID)
        follower.look()
        paused.set()
        changes.resume(log, config, "a", **SAID)
        follower.look()
    thread.join()
    assert {name: runtime.ended for name, runtime in worker.runtimes.items()} == {"a": True, "b": True}
    said = messages_of(log, "a")
    assert_counted(said, epochs=2)
    times = [message.at_ns for message in said if isinstance(message, Tick)]
    assert times == sorted(times)
    assert worker.runtimes["a"].analysed < worker.runtimes["b"].analysed == 32


def test_a_camera_that_cannot_be_watched_is_said_once_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 25, size=SIZE)
    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    claim = log.claim
    monkeypatch.setattr(log, "claim", lambda owner: 1 / 0 if owner == "camera/x" else claim(owner))
    for camera in "xy":
        changes.add(log, config, camera, CameraChanges(source=str(clip)), **SAID)
    follower = RosterFollower(log, read_roster(config, log), worker, FixedShare(None))
    for _ in range(2):
        follower.look()
    assert len([line for line in caplog.messages if "camera 'x' cannot be watched: ZeroDivisionError" in line]) == 1
    worker.run()
    assert {name: runtime.ended for name, runtime in worker.runtimes.items()} == {"a": True, "y": True}


def test_a_process_for_some_cameras_heeds_those_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 25, size=SIZE)
    config = configure(tmp_path, {"a": clip, "b": clip})
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log, only=frozenset("a"))
    changes.add(log, config, "c", CameraChanges(source=str(clip)), **SAID)
    changes.pause(log, config, "b", **SAID)
    RosterFollower(log, read_roster(config, log), worker, FixedShare(frozenset("a"))).look()
    worker.run()
    assert list(worker.runtimes) == ["a"]
