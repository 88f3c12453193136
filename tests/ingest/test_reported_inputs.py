"""Inputs that users of comparable systems have reported as failures, each with its right value."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import av
import cv2
import numpy as np
import pytest

from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.frame import ClockQuality, Frame, Image
from ingest.network.streamed import StreamedVideo
from ingest.video import RecordedVideo, VideoWriter
from tests.ingest import odd_clips as odd
from tests.ingest.network.packed_hls import serving_packed
from tests.ingest.network.test_hls import check_even
from tests.ingest.network.test_http_stream import jpeg
from tests.ingest.network.test_streamed import take

SHOWN = odd.images(40)


def play(path: Path) -> tuple[list[Frame], RecordedVideo]:
    video = RecordedVideo(path, "a")
    return list(video.frames()), video


@pytest.mark.parametrize(
    "name",
    [
        "2026-01-01T10:00:00.mp4",  # "Protocol not found": scrcpy 5487, twitch-dl 89, nordlicht 55
        "concat:a|b.mp4",
        "data:,x.mp4",
        "clip%03d.mp4",  # a pattern of images to FFmpeg
        "-.mp4",
        "file:a.mp4",
        "pipe:0.mp4",
    ],
)
def test_a_recording_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    writer = VideoWriter(Path(name), (160, 96), 25)
    for image in SHOWN:
        writer.write(image)
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(play(Path(name))[0]) == 40


def test_frames_whose_size_changes_come_as_they_are(tmp_path: Path) -> None:
    """A camera whose resolution was changed while it recorded (Frigate)."""
    data = b""
    for number, size in enumerate([(320, 192), (160, 96)]):
        options = {"tune": "zerolatency"}
        part = odd.encode(tmp_path / "p.ts", odd.images(30, size), starts_s=5 + number * 30 / 25, options=options)
        data += part.read_bytes()
    (tmp_path / "a.ts").write_bytes(data)
    frames, video = play(tmp_path / "a.ts")
    assert [frame.size for frame in frames] == [(320, 192)] * 30 + [(160, 96)] * 30
    assert [frame.captured_ns for frame in frames] == [number * NS // 25 for number in range(60)]
    assert not video.status().left_out


FORMATS: dict[str, tuple[str, str, dict[str, str], Callable[[Image], Image]]] = {
    "ten bits (HDR of telephones)": ("libx265", "yuv420p10le", {"x265-params": "log-level=none"}, lambda image: image),
    "gray (infrared at night)": (
        "ffv1",
        "gray",
        {},
        lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.uint8),
    ),
    "full range 4:2:2 (webcams)": ("mjpeg", "yuvj422p", {}, lambda image: image),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_pixel_format_becomes_bgr_of_eight_bits(tmp_path: Path, name: str) -> None:
    codec, pixels, options, expected = FORMATS[name]
    frames, _ = play(_written(tmp_path / "a.mkv", SHOWN, codec, pixels, options))
    assert frames[20].image.dtype == np.uint8
    assert frames[20].image.shape == (96, 160, 3)
    assert np.abs(frames[20].image.astype(int) - expected(SHOWN[20])).mean() < 5


@pytest.mark.parametrize("before", [1, 15])
def test_a_clock_that_becomes_the_time_of_day_is_no_pause(
    tmp_path: Path, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    """FFmpeg's -use_wallclock_as_timestamps begins at 0 and goes on in 2026; a camera that has found its NTP server."""
    at_ms = [number * 40 + (0 if number < before else 1_790_000_000_000) for number in range(40)]
    frames, video = play(_written(tmp_path / "a.mkv", SHOWN, "libx264", "yuv420p", {"bf": "0"}, at_ms))
    assert [frame.captured_ns for frame in frames] == [number * NS // 25 for number in range(40)]
    assert "its clock goes ahead by 1790000000.0 s" in caplog.text
    assert video.status().notes == ("its clock was set anew once; what came then follows what came before",)


def _written(
    path: Path, shown: list[Image], codec: str, pixels: str, options: dict[str, str], at_ms: list[int] | None = None
) -> Path:
    """Images in a pixel format of one's own, and at times of one's own."""
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, image in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = at_ms[number] if at_ms else number * 40, Fraction(1, 1000)
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    return path


# Streams over HTTP


@pytest.mark.parametrize("one_file", [False, True], ids=["a file a segment", "ranges of one file without offsets"])
def test_hls_of_fragmented_mp4_has_the_playlist_s_times(tmp_path: Path, one_file: bool) -> None:
    """EXT-X-MAP is dropped by who expects MPEG-TS (prismcast 43, 44); a range without @ follows the one before."""
    began_ns = SystemClock().now_ns() - 9 * NS
    with serving_packed(tmp_path, one_file=one_file, began_ns=began_ns) as url:
        video = StreamedVideo(Camera(id="road", source=url), None)
        frames = take(video, 30)
    assert {frame.clock for frame in frames} == {ClockQuality.PLAYLIST}
    check_even(frames)
    # A square that moves by two pixels a frame says which frame of the film this is.
    red = frames[0].image[45, :, 2].astype(int) - frames[0].image[45, :, 0]
    number = round((float(np.median(np.flatnonzero(red > 80))) - 10 - 17.5) / 2)
    shown_s = (frames[0].captured_ns - began_ns) / NS
    assert (shown_s * 25 - number) % 60 == pytest.approx(0, abs=1.5) or (shown_s * 25 - number) % 60 > 58.5


def _lengths(image: bytes) -> bytes:
    return b"--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(image), image)


MULTIPARTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "as the standard has it": ("multipart/x-mixed-replace; boundary=myboundary", _lengths),
    "in quotes": ('multipart/x-mixed-replace;boundary="myboundary"', _lengths),
    "with dashes of its own (Axis, ESP32)": ("multipart/x-mixed-replace; boundary=--myboundary", _lengths),
    "without lengths": (
        "multipart/x-mixed-replace; boundary=myboundary",
        lambda image: b"--myboundary\r\nContent-Type: image/jpeg\r\n\r\n" + image + b"\r\n",
    ),
    "with more headers": (
        "multipart/x-mixed-replace; boundary=myboundary",
        lambda image: _lengths(image).replace(b"\r\n\r\n", b"\r\nX-Timestamp: 1.5\r\n\r\n", 1),
    ),
}


@contextmanager
def _sending(kind: str, part: Callable[[bytes], bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            for image in islice(SHOWN, 30):
                try:
                    self.wfile.write(part(jpeg(image)))
                except ConnectionError:
                    return

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/video"
        running.shutdown()


@pytest.mark.parametrize("name", MULTIPARTS)
def test_motion_jpeg_is_read_whatever_its_parts_look_like(name: str) -> None:
    with _sending(*MULTIPARTS[name]) as url:
        frames = take(StreamedVideo(Camera(id="web", source=url), None), 20)
    assert len(frames) == 20
    assert np.abs(frames[0].image.astype(int) - SHOWN[0]).mean() < 8
