"""Recordings through PyAV, by media time."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import numpy as np

from ingest.clock import NS
from ingest.errors import SourceError
from ingest.frame import ClockQuality, Frame, Image

av.logging.set_level(av.logging.PANIC)  # FFmpeg writes whole URLs, passwords included, to standard error

BREAK_TOLERANCE_S = 0.5
"""A recording that ends this much before its announced end was cut off."""


class RecordedVideo:
    """A file; event time is its media time counted from `starts_ns`. Implements VideoSource.

    Frames whose time does not rise are left out. Raises SourceError where the file is no video, and at the end of
    `frames` where it breaks off early; everything before the break is delivered.
    """

    def __init__(self, path: Path, camera_id: str, *, starts_ns: int = 0, after_ns: int | None = None) -> None:
        self._path = path
        self._camera_id = camera_id
        self._starts_ns = starts_ns
        self._after_ns = after_ns
        self._closed = threading.Event()
        self._playing = threading.Lock()
        self._container = _open(str(path), f"camera '{camera_id}': cannot open {path}", {}, None)
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"camera '{camera_id}': {path} has no video stream")

    def frames(self) -> Iterator[Frame]:
        with self._playing:
            try:
                if not self._closed.is_set():
                    yield from self._read()
            finally:
                self._container.close()

    def _read(self) -> Iterator[Frame]:
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        time_base = stream.time_base or Fraction(1, 90_000)
        first_pts = stream.start_time or 0
        announced_s = _announced_s(self._container)
        sequence, last_ns = 0, -1
        broken: str | None = None
        try:
            for av_frame in _decoded(self._container):
                if self._closed.is_set():
                    return
                if av_frame.pts is None:
                    continue
                media_ns = round((av_frame.pts - first_pts) * time_base * NS)
                if media_ns <= last_ns:
                    continue
                last_ns = media_ns
                captured_ns = self._starts_ns + media_ns
                if self._after_ns is None or captured_ns > self._after_ns:
                    yield Frame(self._camera_id, sequence, captured_ns, ClockQuality.FILE, bgr(av_frame))
                sequence += 1
        except av.error.FFmpegError as error:
            broken = reason(error)
        if self._closed.is_set():
            return
        reached_s = max(last_ns, 0) / NS
        if broken is None and announced_s is not None and reached_s < announced_s - BREAK_TOLERANCE_S:
            broken = "the file is cut off"
        if broken is not None:
            of = f" of {announced_s:.1f} s" if announced_s is not None else ""
            raise SourceError(
                f"camera '{self._camera_id}': {self._path} breaks off after {reached_s:.1f} s{of}: {broken} "
                "(everything before it was processed)"
            )

    def close(self) -> None:
        self._closed.set()
        if self._playing.acquire(blocking=False):  # otherwise `frames` closes it
            self._container.close()
            self._playing.release()


def _announced_s(container: av.container.InputContainer) -> float | None:
    """How long the file says it is, in seconds; not every format says."""
    stream = container.streams.video[0]
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _decoded(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    """The frames of the first video stream; damaged packets are passed over, as players do."""
    stream = container.streams.video[0]
    for packet in container.demux(stream):
        with suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _open(url: str, what: str, options: dict[str, str], timeout_s: float | None) -> av.container.InputContainer:
    try:
        return av.open(url, options=options, timeout=timeout_s, metadata_errors="replace")
    except av.error.FFmpegError as error:
        # The library's message holds the whole URL; neither it nor its traceback may get out.
        raise SourceError(f"{what}: {reason(error)}") from None


def reason(error: av.error.FFmpegError) -> str:
    """Why, without the file name or URL."""
    return (error.strerror or type(error).__name__).strip()


def bgr(av_frame: av.VideoFrame) -> Image:
    """The frame, (H, W, 3) uint8 BGR."""
    image = av_frame.to_ndarray(format="bgr24")
    return np.asarray(image, np.uint8)


class VideoWriter:
    """Writes BGR frames of one size to an MP4 that browsers play (H.264, yuv420p).

    `key_interval` is the number of frames from one key frame to the next; the codec's choice if 0. `bits_per_s` is
    what a second may cost on average, as surveillance cameras are set; without it quality is constant (crf 23).
    """

    def __init__(
        self, path: Path, size: tuple[int, int], frames_per_s: int, *, key_interval: int = 0, bits_per_s: int = 0
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        self._container = av.open(str(path), "w", options=options)
        self._stream = self._container.add_stream("libx264", rate=frames_per_s, options=_rate_control(bits_per_s))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        if bits_per_s:
            self._stream.codec_context.bit_rate = bits_per_s
            self._stream.codec_context.thread_count = 1  # cameras are written side by side, one a core
        if key_interval:
            self._stream.codec_context.gop_size = key_interval
            self._stream.codec_context.max_b_frames = 0
        self._time_base = Fraction(1, frames_per_s)
        self._number = 0

    def write(self, image: Image, number: int | None = None) -> None:
        """Append a frame of (H, W, 3), at the time of frame `number`; otherwise it follows the one before."""
        av_frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        self._number = self._number if number is None else number
        av_frame.pts, av_frame.time_base = self._number, self._time_base
        self._number += 1
        self._container.mux(self._stream.encode(av_frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


def _rate_control(bits_per_s: int) -> dict[str, str]:
    """The codec's options: constant quality, or a rate that is kept within two seconds."""
    if not bits_per_s:
        return {"crf": "23"}
    kilobits = bits_per_s // 1000
    return {"preset": "veryfast", "x264-params": f"vbv-maxrate={kilobits * 3 // 2}:vbv-bufsize={kilobits * 2}"}
