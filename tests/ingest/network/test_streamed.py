"""The network camera against our own server, with real sockets and everything that goes wrong with cameras."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.errors import SourceError
from ingest.frame import ClockQuality, Frame
from ingest.network.access_unit import AccessUnit
from ingest.network.stream_clock import ClockStatus
from ingest.network.streamed import StreamedVideo
from ingest.source import VideoSource
from tests.integration.pixel_clock import SIZE, live_units, read

FPS = 20
RTCP, ARRIVAL = ClockQuality.RTCP, ClockQuality.ARRIVAL


def units() -> Iterator[AccessUnit]:
    """A camera with a key frame every fifth of a second, so that joining it takes no time."""
    return live_units(FPS, key_interval_s=0.2)


def camera(server: RtspServer, path: str = "/a", account: str = "") -> Camera:
    return Camera(id="north", source=server.url(path).replace("://", f"://{account}"))


def watch(server: RtspServer, **options: float) -> StreamedVideo:
    return StreamedVideo(camera(server), None, **options)  # type: ignore[arg-type]


def take(video: VideoSource, count: int) -> list[Frame]:
    try:
        return list(islice(video.frames(), count))
    finally:
        video.close()


def clock_of(video: StreamedVideo) -> ClockStatus:
    clock = video.status().clock
    assert clock is not None
    return clock


def errors_ms(frames: list[Frame]) -> NDArray[np.float64]:
    """Capture time less the time that is drawn into the frame."""
    return np.array([(frame.captured_ns - read(frame.image)) / 1e6 for frame in frames])


# Capture time


def test_frames_have_the_camera_s_own_time(server: RtspServer, faults: Faults) -> None:
    faults.report_interval_s = 0.3
    video = watch(server)
    frames = take(video, 25)
    assert {frame.clock for frame in frames} == {RTCP}
    assert frames[0].size == SIZE
    assert abs(errors_ms(frames)).max() < 2  # the report and the frame come from one clock
    assert [b.sequence - a.sequence for a, b in pairwise(frames)] == [1] * 24
    assert not clock_of(video).clock_suspect
    assert clock_of(video).sr_age_s is not None


def test_frames_before_the_first_report_are_held_back_and_counted(server: RtspServer, faults: Faults) -> None:
    faults.first_report_s = 0.5
    video = watch(server)
    frames = take(video, 5)
    assert {frame.clock for frame in frames} == {RTCP}
    assert frames[0].sequence == video.status().left_out["early"] > 5
    assert abs(errors_ms(frames)).max() < 2


def test_a_camera_without_reports_is_timed_by_arrival(server: RtspServer, faults: Faults) -> None:
    faults.sender_reports = False
    frames = take(watch(server, report_wait_s=0.3), 20)
    assert {frame.clock for frame in frames} == {ARRIVAL}
    errors = errors_ms(frames)
    assert np.median(errors) < 40  # less than the parser's delay of one frame, 50 ms, which is taken off
    assert errors.min() > -5


def test_reports_that_come_late_take_over_and_time_goes_on(server: RtspServer, faults: Faults) -> None:
    faults.first_report_s = 0.8
    frames = take(watch(server, report_wait_s=0.2), 30)
    clocks = [frame.clock for frame in frames]
    assert clocks == sorted(clocks, key=[ARRIVAL, RTCP].index)
    assert {*clocks} == {ARRIVAL, RTCP}
    assert all(b.captured_ns > a.captured_ns for a, b in pairwise(frames))


@pytest.mark.parametrize(
    ("fault", "value", "said"),
    [("no_clock", True, "never been set"), ("clock_offset_s", 5.0, "ahead"), ("clock_offset_s", -5.0, "behind")],
)
def test_a_wrong_clock_is_not_believed(
    server: RtspServer, faults: Faults, fault: str, value: object, said: str
) -> None:
    setattr(faults, fault, value)
    video = watch(server)
    frames = take(video, 8)
    assert {frame.clock for frame in frames} == {ARRIVAL}
    assert abs(errors_ms(frames)).max() < 1000
    assert said in clock_of(video).suspect


@pytest.mark.parametrize("step_s", [0.7, -0.7, 3600.0])
def test_time_never_goes_back_when_the_camera_s_clock_is_set(server: RtspServer, faults: Faults, step_s: float) -> None:
    faults.report_interval_s = 0.2
    video = watch(server)
    frames = []
    for frame in video.frames():
        frames.append(frame)
        if len(frames) == 10:
            faults.clock_offset_s = step_s
        if len(frames) == 40:
            break
    assert all(b.captured_ns > a.captured_ns for a, b in pairwise(frames))
    assert ARRIVAL in {frame.clock for frame in frames[10:]}
    assert clock_of(video).faults >= 1
    # A clock that is a little wrong and steady is believed again; association has to live with its offset.
    assert frames[-1].clock is (RTCP if abs(step_s) < 2 else ARRIVAL)


def test_time_stamps_that_jump_far_begin_a_new_session(server: RtspServer, faults: Faults) -> None:
    video = watch(server)
    frames = video.frames()
    next(frames)
    faults.rtp_jump_s = 60.0
    with pytest.raises(SourceError, match=r"jumped by \+60"):
        list(frames)


@pytest.mark.parametrize("off_s", [10_000, -10_000])
def test_single_frames_that_are_hours_off_are_left_out_and_the_session_goes_on(server: RtspServer, off_s: int) -> None:
    def with_strays() -> Iterator[AccessUnit]:
        for number, unit in enumerate(units()):  # key frames have even numbers, and a viewer begins with one
            off_90k = 90_000 * off_s if number % 10 == 9 else 0
            yield dataclasses.replace(unit, pts_90k=unit.pts_90k + off_90k)

    server.add("/dvr", with_strays).report_interval_s = 1000.0  # the first report is of a frame that is right
    video = StreamedVideo(camera(server, "/dvr"), None)
    frames = take(video, 60)
    left_out = video.status().left_out
    assert left_out["stray"] >= 5
    assert set(left_out) <= {"stray", "early"}
    assert len(frames) == 60
    assert {frame.clock for frame in frames} == {RTCP}
    assert abs(errors_ms(frames)).max() < 2
    assert clock_of(video).faults == 0


class SetBack(SystemClock):
    """A machine's clock that is a day ahead until it is put right."""

    ahead_ns = 86_400 * NS

    def now_ns(self) -> int:
        return super().now_ns() + self.ahead_ns


def test_a_machine_s_clock_that_is_put_right_begins_a_new_session(server: RtspServer, faults: Faults) -> None:
    faults.sender_reports = False
    clock = SetBack()
    video = StreamedVideo(camera(server), None, clock=clock, report_wait_s=0.0)
    frames = video.frames()
    next(frames)
    clock.ahead_ns = 0
    with pytest.raises(SourceError, match=r"this machine's clock, by which .* is timed, went back by 86\d{3}"):
        list(frames)
    assert video.status().left_out["late"] <= 5


# Streams that break


def test_a_stall_is_an_error_in_time(server: RtspServer, faults: Faults) -> None:
    clock = SystemClock()
    frames = watch(server, read_s=0.4).frames()
    next(frames)
    faults.stalled = True
    began_s = clock.monotonic_s()
    with pytest.raises(SourceError, match=r"camera 'north': rtsp://.* sent nothing for 0.4 s") as caught:
        list(frames)
    print(f"stall noticed after {clock.monotonic_s() - began_s:.2f} s with read_s 0.4")
    assert caught.value.__context__ is None


def test_a_dropped_connection_ends_the_stream(server: RtspServer, faults: Faults) -> None:
    frames = watch(server).frames()
    next(frames)
    server.drop_viewers("/a")
    ended(frames)
    assert len(take(watch(server), 3)) == 3


def ended(frames: Iterator[Frame]) -> None:
    """Whether FFmpeg tells a cut connection from an end depends on the moment."""
    with suppress(SourceError):
        assert len(list(frames)) < FPS


def test_close_from_another_thread_ends_the_frames(server: RtspServer, faults: Faults) -> None:
    video = watch(server, read_s=0.4)
    seen: list[Frame] = []
    thread = threading.Thread(target=lambda: seen.extend(video.frames()))
    thread.start()
    while not video.status().decoded:
        threading.Event().wait(0.02)
    video.close()
    thread.join(5)
    assert not thread.is_alive()
    watch(server).close()  # and one that nobody has begun to read


def test_damage_is_counted_and_the_stream_goes_on(server: RtspServer, faults: Faults) -> None:
    faults.garbage_every = 6
    video = watch(server)
    frames = []
    for frame in video.frames():
        frames.append(frame)
        if len(frames) > 100 or (len(frames) >= 20 and video.status().left_out.get("damaged", 0)):
            break
    assert video.status().left_out.get("damaged", 0) > 0
    assert np.median(abs(errors_ms(frames))) < 2
    assert all(b.captured_ns > a.captured_ns for a, b in pairwise(frames))


def test_parameter_sets_only_in_the_stream_are_enough(server: RtspServer, faults: Faults) -> None:
    faults.parameter_sets = False
    assert len(take(watch(server), 3)) == 3


def test_joining_between_key_frames_without_parameter_sets_takes_the_next_probe(server: RtspServer) -> None:
    server.add("/slow", lambda: live_units(FPS, key_interval_s=1.8)).parameter_sets = False
    early = StreamedVideo(camera(server, "/slow"), None)
    list(islice(early.frames(), 27))  # later than what the server sends again to those who come
    late = take(StreamedVideo(camera(server, "/slow"), None), 3)
    assert late[0].clock is RTCP
    assert abs(errors_ms(late)).max() < 2
    early.close()
