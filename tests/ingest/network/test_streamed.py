"""The network camera against our own server, with real sockets and everything that goes wrong with cameras."""

import dataclasses
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.errors import AuthFailedError, SourceError
from ingest.frame import ClockQuality, Frame
from ingest.network.access_unit import AccessUnit
from ingest.network.open_stream import with_password
from ingest.network.stream_clock import ClockStatus
from ingest.network.streamed import StreamedVideo
from ingest.open_camera import open_camera
from ingest.source import VideoSource
from tests.ingest import odd_clips as odd
from tests.ingest.clips import write_clip
from tests.integration.pixel_clock import SIZE, live_units, read

FPS = 20
AWKWARD = ["p%@/: ü#?x", "a b&c=d", "%41%zz", "::@@//", "'\"<>\\", "key=val;", "рус-パス"]
PASSWORD = "s3cret/%@:"
RTCP, ARRIVAL = ClockQuality.RTCP, ClockQuality.ARRIVAL


def units() -> Iterator[AccessUnit]:
    """A camera with a key frame every fifth of a second, so that joining it takes no time."""
    return live_units(FPS, key_interval_s=0.2)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


@pytest.fixture
def faults(server: RtspServer) -> Faults:
    return server.add("/a", units)


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


@pytest.mark.parametrize(
    ("listening", "said"), [(False, "refused"), (True, "no answer within 0.5 s")], ids=["refused", "hangs"]
)
def test_a_host_that_does_not_answer(listening: bool, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = host.getsockname()[1]
        if not listening:
            host.close()
        with pytest.raises(SourceError, match=said) as caught:
            StreamedVideo(Camera(id="a", source=f"rtsp://admin@127.0.0.1:{port}/1"), AWKWARD[0], open_s=0.5)
    assert not isinstance(caught.value, AuthFailedError)
    assert_secret(caught.value, AWKWARD[0])


# Accounts and passwords


@pytest.mark.parametrize("basic", [True, False], ids=["basic", "digest"])
@pytest.mark.parametrize("password", AWKWARD)
def test_any_password_opens_and_its_neighbour_does_not(server: RtspServer, password: str, basic: bool) -> None:
    server.add("/p", units, username="opera tor", password=password, basic=basic)
    private = camera(server, "/p", "opera%20tor@")
    video = StreamedVideo(private, password)
    assert password not in repr(video)
    video.close()
    with pytest.raises(AuthFailedError, match="401") as caught:
        StreamedVideo(private, f"{password}x")
    assert_secret(caught.value, password)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_told_from_a_failure(
    server: RtspServer, faults: Faults, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    faults.refuse = status
    with pytest.raises(AuthFailedError, match=str(status)) as caught:
        StreamedVideo(camera(server, account="admin@"), PASSWORD)
    assert_secret(caught.value, PASSWORD)
    assert PASSWORD[:6] not in caplog.text + "".join(capfd.readouterr())
    faults.refuse = 503
    with pytest.raises(SourceError) as failed:
        watch(server)
    assert not isinstance(failed.value, AuthFailedError)


@pytest.mark.parametrize(("transport", "hint"), [("tcp", 'transport = "udp"'), ("udp", 'transport = "tcp"')])
def test_a_camera_of_the_other_transport_gets_the_hint(
    server: RtspServer, faults: Faults, transport: str, hint: str
) -> None:
    faults.udp_only = True  # our server itself sends by TCP only
    with pytest.raises(SourceError, match=f"Protocol not supported .*{hint}") as caught:
        StreamedVideo(camera(server), None, transport=transport)
    assert not isinstance(caught.value, AuthFailedError)


def test_other_failures_get_no_hint(server: RtspServer, faults: Faults) -> None:
    faults.refuse = 503
    with pytest.raises(SourceError) as caught:
        watch(server)
    assert "transport" not in str(caught.value)


def test_a_password_in_the_path_opens_and_is_not_told(server: RtspServer, faults: Faults) -> None:
    server.add("/user=me_password=s3cret%_channel=1.sdp", units)
    source = server.url("/user=me_password={password}_channel=1.sdp")
    frames = take(StreamedVideo(Camera(id="a", source=source), "s3cret%"), 2)
    assert len(frames) == 2
    with pytest.raises(SourceError, match=r"user=me_password=\{password\}_channel=1.sdp") as caught:
        StreamedVideo(Camera(id="a", source=source), PASSWORD)
    assert_secret(caught.value, PASSWORD)


def test_a_stream_that_breaks_does_not_tell_its_password(server: RtspServer) -> None:
    password = AWKWARD[0]
    faults = server.add("/p", units, username="u", password=password)
    frames = StreamedVideo(camera(server, "/p", "u@"), password, read_s=0.3).frames()
    next(frames)
    faults.stalled = True
    with pytest.raises(SourceError) as caught:
        list(frames)
    assert_secret(caught.value, password)


def assert_secret(error: BaseException, password: str) -> None:
    """The password is nowhere in an error, its causes, and the variables along its traceback in our code."""
    forms = {password, with_password("rtsp://u@h/", password)[9:-3]}
    told = [str(error), repr(error), "".join(traceback.format_exception(error))]
    assert error.__cause__ is None
    assert error.__context__ is None
    trace = error.__traceback__
    while trace is not None:
        if "/ingest/" in trace.tb_frame.f_code.co_filename and "/tests/" not in trace.tb_frame.f_code.co_filename:
            told += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert not [form for form in forms for text in told if form in text]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(["h", "h:554", "[::1]:554"]))
def test_a_password_is_encoded_so_that_the_url_keeps_its_parts(password: str, host: str) -> None:
    url = with_password(f"rtsp://me@{host}/live?channel=1", password)
    match = re.fullmatch(rf"rtsp://me:([\w.~%-]+)@{re.escape(host)}/live\?channel=1", url, re.ASCII)
    assert match is not None
    assert bytes(match[1], "ascii").replace(b"%", b"") != b""
    assert with_password("rtsp://h/1", None) == "rtsp://h/1"
    assert with_password("rtsp://h/1", "x") == "rtsp://:x@h/1"


def test_an_address_of_ip_version_6() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 address of its own")
    with RtspServer(host="::1") as server:
        server.add("/p", units, username="u", password=PASSWORD)
        assert len(take(StreamedVideo(camera(server, "/p", "u@"), PASSWORD), 2)) == 2
        with pytest.raises(AuthFailedError) as caught:
            StreamedVideo(camera(server, "/p", "u@"), PASSWORD + "x")
        assert_secret(caught.value, PASSWORD)


# HTTP


class WebCamera(BaseHTTPRequestHandler):
    """A camera that sends JPEG after JPEG at /video, and a transport stream at /ts."""

    clip = b""

    def do_GET(self) -> None:
        if self.path not in ("/video", "/ts"):
            self.send_error(404 if self.path != "/private" else 401)
            return
        self.send_response(200)
        if self.path == "/ts":
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(self.clip)
            return
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in range(12):
            image = jpeg(np.full((96, 160, 3), 20 * index, np.uint8))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
            with suppress(ConnectionError):
                self.wfile.write(head.encode() + image + b"\r\n")
            threading.Event().wait(0.05)

    def log_message(self, format: str, *args: object) -> None:
        return


def jpeg(image: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    WebCamera.clip = write_clip(tmp_path / "clip.ts", 30).read_bytes()
    with ThreadingHTTPServer(("127.0.0.1", 0), WebCamera) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield lambda path: f"http://127.0.0.1:{running.server_address[1]}{path}"
        running.shutdown()


@pytest.mark.parametrize("path", ["/video", "/ts"])
def test_http_is_timed_by_arrival(http: Callable[[str], str], path: str) -> None:
    began_ns = SystemClock().now_ns()
    video = open_camera(Camera(id="web", source=http(path)), starts_ns=0)
    frames = take(video, 10)
    assert len(frames) == 10
    assert {frame.clock for frame in frames} == {ARRIVAL}
    assert all(b.captured_ns > a.captured_ns for a, b in pairwise(frames))
    # The transport stream comes all at once: its last frame is the one that was captured when it came.
    assert -2 * NS < frames[0].captured_ns - began_ns < 10 * NS


@pytest.mark.parametrize("codec", ["aac", "libx264"])
def test_a_stream_that_begins_later_does_not_end_the_video(
    http: Callable[[str], str], tmp_path: Path, codec: str
) -> None:
    WebCamera.clip = odd.later_stream(tmp_path / "later.ts", 60, codec).read_bytes()
    video = open_camera(Camera(id="web", source=http("/ts")), starts_ns=0)
    frames = take(video, 59)
    assert [frame.sequence for frame in frames] == list(range(59))


@pytest.mark.parametrize("path", ["/nothing", "/private"])
def test_http_refusals(http: Callable[[str], str], path: str) -> None:
    with pytest.raises(AuthFailedError, match=r"404|401") as caught:
        StreamedVideo(Camera(id="web", source=http(path).replace("://", "://me@")), AWKWARD[0])
    assert_secret(caught.value, AWKWARD[0])
