"""One camera as a thread: what it offers, how it ends, and what happens when it hangs."""

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from ingest.backoff import Backoff
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.errors import SourceError
from ingest.feed import HANG_AFTER_S, CameraFeed, FeedState
from ingest.frame import ClockQuality, Frame
from ingest.mailbox import Mailbox
from ingest.reading import ReadingProgress
from ingest.source import VideoSource
from ingest.status import SourceStatus

IMAGE = np.zeros((2, 2, 3), np.uint8)


class Scripted:
    """A source that does what its script says: frames at 25 a second, then an end, an error, or a hang."""

    def __init__(self, frames: int, ending: str = "end", after_ns: int | None = None) -> None:
        self._frames = frames
        self._ending = ending
        self._after_ns = -1 if after_ns is None else after_ns
        self.released, self.played = threading.Event(), threading.Event()

    def frames(self) -> Iterator[Frame]:
        for index in range(self._frames):
            at_ns = index * NS // 25
            if at_ns > self._after_ns:
                yield Frame("a", index, at_ns, ClockQuality.FILE, IMAGE)
        self.played.set()
        if self._ending == "error":
            raise SourceError("camera 'a': broke")
        if self._ending == "bug":
            raise ZeroDivisionError("a decoder's bug")
        if self._ending == "hang":
            self.released.wait(20)

    def close(self) -> None:
        self.released.set()


def feed_of(
    opener: Callable[[int | None], VideoSource], *, source: str = "a.mp4", **options: float
) -> tuple[CameraFeed, Mailbox]:
    mailbox = Mailbox()
    camera = Camera(id="a", source=source)
    settings = {"analyse_fps": 25.0, **options}
    return CameraFeed(camera, opener, mailbox, SystemClock(), **settings), mailbox  # type: ignore[arg-type]


def drain(feed: CameraFeed, mailbox: Mailbox) -> list[int]:
    """Capture times in order until the feed is done, watching all the while."""
    times: list[int] = []
    for _ in range(500):
        got = mailbox.take(0.05)
        times += [delivery.frame.captured_ns for delivery in got if delivery.frame is not None]
        feed.watch()
        if feed.done and not got:
            return times
    raise AssertionError("it did not end")


@pytest.mark.parametrize(("fps", "expected"), [(25, 50), (8, 16), (6.25, 13), (3, 6), (100, 50)])
def test_frames_are_offered_at_the_asked_rate(fps: float, expected: int) -> None:
    feed, mailbox = feed_of(lambda after: Scripted(50), analyse_fps=fps)
    feed.start()
    times = drain(feed, mailbox)
    assert abs(len(times) - expected) <= 1
    assert feed.counts.decoded == 50
    assert feed.counts.decoded == feed.counts.skipped + len(times)
    assert feed.state is FeedState.ENDED


def test_the_end_carries_what_its_session_has_decoded() -> None:
    feed, mailbox = feed_of(lambda after: Scripted(50), analyse_fps=8)
    feed.counts.decoded = 7  # in sessions before
    feed.start()
    while (ended := mailbox.take(5.0)[0]).frame is not None:
        assert ended.decoded == ended.frame.sequence + 1
    assert ended.decoded == 50


def test_the_choice_of_frames_does_not_depend_on_the_machine() -> None:
    runs = []
    for _ in range(2):
        feed, mailbox = feed_of(lambda after: Scripted(40), analyse_fps=7)
        feed.start()
        runs.append(drain(feed, mailbox))
    assert runs[0] == runs[1]


def test_an_error_after_frames_ends_the_recording_and_is_kept() -> None:
    feed, mailbox = feed_of(lambda after: Scripted(3, "error"))
    feed.start()
    assert len(drain(feed, mailbox)) == 3
    assert feed.state is FeedState.ENDED
    assert "broke" in str(feed.error)


def test_a_decoder_s_bug_is_a_camera_s_error() -> None:
    feed, mailbox = feed_of(lambda after: Scripted(3, "bug"))
    feed.start()
    drain(feed, mailbox)
    assert "ZeroDivisionError" in str(feed.error)


def test_a_camera_that_never_opens_has_failed() -> None:
    def refuse(after: int | None) -> VideoSource:
        raise SourceError("camera 'a': cannot open")

    feed, mailbox = feed_of(refuse)
    feed.start()
    drain(feed, mailbox)
    assert feed.state is FeedState.FAILED
    assert feed.counts.opened == 0


LOCAL = {"recording": "a.mp4", "rendered": "city://smooth/0"}


class Idle(ReadingProgress):
    """A reading whose idle time is what the test says."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.seconds = 0.0

    def idle_s(self) -> float:
        return self.seconds


@pytest.mark.parametrize("source", LOCAL.values(), ids=LOCAL)
def test_a_slow_local_source_is_opened_once_however_long_it_takes(source: str) -> None:
    opened: list[Scripted] = []

    def opener(after_ns: int | None) -> VideoSource:
        opened.append(Scripted(5, "hang"))
        return opened[-1]

    feed, mailbox = feed_of(opener, source=source, stall_after_s=0.05)
    feed.start()
    for _ in range(5):
        assert mailbox.take(5)
    threading.Event().wait(0.3)  # six times the patience with a network camera
    assert not feed.watch()
    assert len(opened) == 1
    opened[0].close()
    assert drain(feed, mailbox) == []
    assert (feed.state, feed.session, feed.error) == (FeedState.ENDED, 0, None)


@pytest.mark.parametrize("source", LOCAL.values(), ids=LOCAL)
@pytest.mark.parametrize("frames", [0, 3])
def test_a_local_source_without_any_progress_is_an_error_that_names_it(source: str, frames: int) -> None:
    reading, scripted = Idle(), Scripted(frames, "hang")
    mailbox = Mailbox()
    feed = CameraFeed(
        Camera(id="a", source=source), lambda after: scripted, mailbox, SystemClock(), analyse_fps=25, reading=reading
    )
    feed.start()
    for _ in range(frames):
        assert mailbox.take(5)
    reading.seconds = HANG_AFTER_S - 1
    assert not feed.watch()
    assert not feed.done
    reading.seconds = HANG_AFTER_S
    feed.watch()
    assert feed.state is FeedState.FAILED
    (last,) = mailbox.take(5)
    assert last.frame is None
    assert str(last.error).startswith(f"camera 'a': reading {source} has made no progress for 60 s")
    assert scripted.released.wait(5), "the source has been closed"
    assert mailbox.take(0.1) == [], "what it still gives is not wanted"
    assert feed.state is FeedState.FAILED


def test_waiting_for_the_inference_thread_is_no_stall() -> None:
    feed, mailbox = feed_of(lambda after: Scripted(5), stall_after_s=0.1)
    feed.start()
    threading.Event().wait(0.4)
    assert not feed.watch()
    assert len(drain(feed, mailbox)) == 5


def _the_same(source: VideoSource, after_ns: int | None) -> VideoSource:
    return source


@pytest.mark.parametrize(("source", "decoded", "waits", "dropped"), [("rtsp://h/1", 12, 11, 2), ("a.mp4", 11, 5, 1)])
def test_what_a_live_camera_has_waiting_is_its_newest_frame(
    source: str, decoded: int, waits: int, dropped: int
) -> None:
    """That of a paced recording is not renewed: the frames up to the next one are still to come."""
    camera = Camera(id="a", source=source, realtime=source == "a.mp4")
    found = []
    for _ in range(5):  # a busy machine may come too late for the frame of a recording, which goes by the clock
        mailbox, script = Mailbox(), Scripted(12, "hang")
        feed = CameraFeed(camera, partial(_the_same, script), mailbox, SystemClock(), analyse_fps=5)
        feed.start()
        while feed.counts.decoded < decoded or not (camera.realtime or script.played.is_set()):
            threading.Event().wait(0.01)
        (got,) = mailbox.take(1)
        feed.leave()
        assert got.frame is not None
        found.append((got.frame.sequence, got.dropped))
        if found[-1] == (waits, dropped):
            return
    raise AssertionError(found)


class SteppedClock(SystemClock):
    """A clock that is moved by hand, and calls `meanwhile` once when the camera's thread next asks for the time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.meanwhile: Callable[[], object] | None = None

    def monotonic_s(self) -> float:
        if self.meanwhile is not None and threading.current_thread().name.startswith("camera"):
            work, self.meanwhile = self.meanwhile, None
            beside = threading.Thread(target=work, daemon=True)
            beside.start()
            beside.join(0.5)  # as far as it can get
        return self.now_s


class LongNight(Backoff):
    """A pause in which an hour passes; at its end somebody looks after the cameras."""

    def __init__(self, clock: SteppedClock, meanwhile: Callable[[], object]) -> None:
        super().__init__(random.Random(0))
        self._clock, self._meanwhile = clock, meanwhile

    def pause_s(self, *, lasted_s: float, refused: bool = False) -> float:
        self._clock.now_s += 3600
        self._clock.meanwhile = self._meanwhile
        return 0.01


def test_a_look_while_the_camera_is_opened_again_does_not_open_it_twice() -> None:
    clock, mailbox = SteppedClock(), Mailbox()
    opened: list[str] = []

    def opener(after_ns: int | None) -> VideoSource:
        opened.append(threading.current_thread().name)
        if len(opened) == 1:
            raise SourceError("camera 'a': cannot open")
        return Scripted(5, "hang")

    backoff = LongNight(clock, lambda: feed.watch())
    feed = CameraFeed(
        Camera(id="a", source="rtsp://h/1"), opener, mailbox, clock, analyse_fps=25, backoff=backoff, stall_after_s=20
    )
    feed.start()
    first = mailbox.take(5)
    feed.stop()
    assert [delivery.session for delivery in first] == [1]
    assert len(opened) == 2
    assert (feed.session, feed.counts.opened) == (1, 1)


class Counting(Scripted):
    """Frames that are left out, beside those that are delivered: two a session."""

    def status(self) -> SourceStatus:
        return SourceStatus(left_out={"late": 2})


def test_what_every_session_left_out_is_counted_once() -> None:
    feed, mailbox = feed_of(lambda after: Counting(3, after_ns=after), source="rtsp://host/1")
    feed.start()
    for _ in range(500):
        mailbox.take(0.01)
        if feed.counts.opened >= 3:
            break
    feed.stop()
    assert feed.counts.opened >= 3
    assert 2 * feed.counts.opened - 2 <= feed.left_out()["late"] <= 2 * feed.counts.opened


def test_a_recording_that_gave_nothing_has_failed() -> None:
    feed, mailbox = feed_of(lambda after: Scripted(0, "error"))
    feed.start()
    drain(feed, mailbox)
    assert feed.gave_nothing
    assert feed.state is FeedState.FAILED
