"""A camera's thread and a network camera together: restarts, refusals, hangs, and never giving up."""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from deploy.city.rtsp.server import RtspServer
from ingest.backoff import Backoff
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.errors import AuthFailedError
from ingest.feed import CameraFeed, FeedState
from ingest.frame import ClockQuality
from ingest.mailbox import Delivery, Mailbox
from ingest.network.streamed import StreamedVideo
from ingest.source import VideoSource
from tests.integration.pixel_clock import live_units

FPS = 20
CLOCK = SystemClock()
PASSWORD = "p%@/: ü#?x"


class WatchedCamera:
    """A feed with its mailbox, emptied as the inference thread would."""

    def __init__(self, server: RtspServer, path: str = "/a", *, stall_after_s: float = 20.0, **backoff: float) -> None:
        source = server.url(path).replace("://", "://u@")
        camera = Camera(id="north", source=source)
        self.password = PASSWORD
        self.mailbox = Mailbox()
        self.taken: list[Delivery] = []

        def opener(after_ns: int | None) -> VideoSource:
            return StreamedVideo(camera, self.password, read_s=0.4, open_s=2.0)

        pauses = {"first_s": 0.1, "most_s": 0.4, "refused_s": 0.3, **backoff}
        self.feed = CameraFeed(
            camera,
            opener,
            self.mailbox,
            CLOCK,
            analyse_fps=FPS,
            stall_after_s=stall_after_s,
            backoff=Backoff(random.Random(1), **pauses),
        )

    def until(self, done: Callable[[], bool], within_s: float = 20.0) -> float:
        """Take deliveries until `done`; the seconds that took."""
        began_s = CLOCK.monotonic_s()
        while not done():
            got = self.mailbox.take(0.02)
            self.feed.watch()
            self.taken += [delivery for delivery in got if delivery.frame is not None]
            assert CLOCK.monotonic_s() - began_s < within_s, f"{self.feed.state}, {self.feed.error}"
        return CLOCK.monotonic_s() - began_s

    def frames_of(self, session: int) -> int:
        return sum(delivery.session == session for delivery in self.taken)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    running = RtspServer()
    running.add("/a", lambda: live_units(FPS, key_interval_s=0.2), username="u", password=PASSWORD)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def watched(server: RtspServer) -> Iterator[WatchedCamera]:
    made = WatchedCamera(server)
    made.feed.start()
    yield made
    made.feed.stop()


def test_a_camera_that_restarts_comes_back_as_a_new_session(server: RtspServer, watched: WatchedCamera) -> None:
    watched.until(lambda: watched.frames_of(0) >= 5)
    server.stop()
    watched.until(lambda: watched.feed.counts.lost.total() >= 3)  # it keeps on knocking
    assert watched.feed.state in (FeedState.WAITING, FeedState.OPENING)
    server.start()
    back_s = watched.until(lambda: watched.taken[-1].session > 0)
    print(f"first frame {back_s:.2f} s after the restart, with pauses up to 0.4 s")
    watched.until(lambda: watched.frames_of(watched.feed.session) >= 5)
    assert {delivery.frame.clock for delivery in watched.taken if delivery.frame} == {ClockQuality.RTCP}
    for before, after in pairwise(watched.taken):
        assert before.frame is not None
        assert after.frame is not None
        assert (after.session, after.frame.captured_ns) > (before.session, before.frame.captured_ns)
        assert after.frame.captured_ns > before.frame.captured_ns


def test_a_camera_that_stalls_is_opened_anew(server: RtspServer, watched: WatchedCamera) -> None:
    watched.until(lambda: watched.frames_of(0) >= 3)
    server.faults("/a").stalled = True
    watched.until(lambda: watched.feed.state is FeedState.WAITING)
    assert "sent nothing" in str(watched.feed.error)
    server.faults("/a").stalled = False
    watched.until(lambda: watched.taken[-1].session > 0)
    assert watched.feed.counts.lost["error"] >= 1


def test_a_refusal_has_its_own_state_and_ends_when_the_password_is_right(
    server: RtspServer, watched: WatchedCamera
) -> None:
    watched.until(lambda: watched.frames_of(0) >= 1)
    watched.password = "wrong"
    server.drop_viewers("/a")
    watched.until(lambda: watched.feed.state is FeedState.REFUSED)
    assert isinstance(watched.feed.error, AuthFailedError)
    assert PASSWORD not in str(watched.feed.error)
    watched.password = PASSWORD
    session = watched.feed.session
    watched.until(lambda: watched.taken[-1].session > session)
    assert watched.feed.counts.lost["refused"] >= 1
    assert not watched.feed.done


def test_a_stream_without_one_good_picture_is_opened_anew(server: RtspServer) -> None:
    """Bytes keep coming, so the read timeout sees nothing wrong; the watch over frames does."""
    server.faults("/a").garbage_every = 1
    watched = WatchedCamera(server, stall_after_s=0.8)
    watched.feed.start()
    watched.until(lambda: watched.feed.counts.lost["stalled"] >= 2)
    server.faults("/a").garbage_every = 0
    watched.until(lambda: len(watched.taken) >= 3)
    watched.feed.stop()


def test_the_state_of_the_camera_s_clock_can_be_asked_for(server: RtspServer, watched: WatchedCamera) -> None:
    assert server.faults("/a").clock_offset_s == 0
    server.faults("/a").clock_offset_s = -10
    watched.until(lambda: watched.frames_of(0) >= 1)
    status = watched.feed.stream()
    assert status is not None
    assert status.clock is not None
    assert status.clock.clock_suspect
    assert "behind" in status.clock.suspect
    assert status.decoded >= 1
