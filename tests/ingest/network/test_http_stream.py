"""Network cameras that speak HTTP: timed by arrival, refused, or with sound beside the video."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.errors import AuthFailedError
from ingest.network.streamed import StreamedVideo
from ingest.open_camera import open_camera
from tests.ingest import odd_clips as odd
from tests.ingest.clips import write_clip
from tests.ingest.network.test_refused_streams import AWKWARD, assert_secret
from tests.ingest.network.test_streamed import ARRIVAL, take


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
