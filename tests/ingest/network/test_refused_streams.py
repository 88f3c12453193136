"""Streams that are refused: passwords, transports, hosts that do not answer, and secrets that are not told."""

import logging
import re
import socket
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.errors import AuthFailedError, SourceError
from ingest.network.open_stream import with_password
from ingest.network.streamed import StreamedVideo
from tests.ingest.network.test_streamed import camera, take, units, watch

AWKWARD = ["p%@/: ü#?x", "a b&c=d", "%41%zz", "::@@//", "'\"<>\\", "key=val;", "рус-パス"]
PASSWORD = "s3cret/%@:"


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
