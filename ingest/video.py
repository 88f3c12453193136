"""Recordings through PyAV, by media time."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import numpy as np

from ingest.decoding.container import (
    BestTimes,
    announced_s,
    best_video,
    invents_times,
    local,
    other_videos,
    packets,
    reason,
    seconds,
    stated_rate,
)
from ingest.decoding.display import image_of
from ingest.decoding.left_out import LeftOut, in_words
from ingest.decoding.media_timeline import MediaTimeline
from ingest.errors import SourceError
from ingest.frame import ClockQuality, Frame, Image
from ingest.status import SourceStatus

logger = logging.getLogger(__name__)

BREAK_TOLERANCE_S = 0.5
"""A recording that ends this much before its announced end was cut off."""

WRAP_S = Fraction(2**33, 90_000)
"""Time stamps of MPEG-TS and MPEG-PS have 33 bits."""

OPTIONS = {"correct_ts_overflow": "0"}
"""FFmpeg takes a clock that goes back by more than a minute for one that ran out of bits, and adds 26 hours."""


class RecordedVideo:
    """A file; event time is its media time counted from `starts_ns`. Implements VideoSource.

    Of several videos FFmpeg's best is read. Frames without a stated time are placed by the stated rate, times that
    begin again go on (`ingest.decoding.media_timeline`); what is left out is counted by reason in `status`. Raises
    SourceError where the file is no video, at the end of `frames` where it breaks off early, everything before the
    break being delivered, and where no frame could be delivered at all.
    """

    def __init__(self, path: Path, camera_id: str, *, starts_ns: int = 0, after_ns: int | None = None) -> None:
        self._path = path
        self._what = f"camera '{camera_id}': {path}"
        self._camera_id = camera_id
        self._starts_ns = starts_ns
        self._after_ns = after_ns
        self._closed = threading.Event()
        self._playing = threading.Lock()
        self._container = _open(path, f"camera '{camera_id}': cannot open {path}")
        stream = best_video(self._container)
        if stream is None:
            covers = "no video that can be decoded" if self._container.streams.video else "no video stream"
            self._container.close()
            raise SourceError(f"{self._what} has {covers}")
        self._stream = stream
        self._choice = other_videos(self._container, stream)
        if self._choice:
            logger.warning("%s: %s", self._what, self._choice)
        self._invented = stated_rate(stream) is None and invents_times(self._container)
        self._announced_s = announced_s(self._container, stream)
        self._timeline = self._make_timeline()
        self._left_out: Counter[str] = Counter()
        self._decoded = 0

    def _make_timeline(self) -> MediaTimeline[tuple[int, av.VideoFrame]]:
        rate, first = stated_rate(self._stream), self._stream.start_time
        first_s = None if first is None or self._invented else seconds(first, self._stream.time_base)
        wrap_s = WRAP_S if self._container.format.name in ("mpegts", "mpeg") else None
        return MediaTimeline(self._what, first_s=first_s, interval_s=1 / rate if rate else None, wrap_s=wrap_s)

    def frames(self) -> Iterator[Frame]:
        """Deliver the frames after `after_ns` in order of time; `sequence` counts all decoded frames of the video."""
        with self._playing:
            try:
                if not self._closed.is_set():
                    yield from self._read()
            finally:
                self._container.close()

    def _read(self) -> Iterator[Frame]:
        broken: str | None = None
        placed = 0
        try:
            for media_ns, (sequence, decoded) in self._placed():
                if self._closed.is_set():
                    return
                placed += 1
                captured_ns = self._starts_ns + media_ns
                if self._after_ns is None or captured_ns > self._after_ns:
                    image = image_of(decoded, self._stream)
                    yield Frame(self._camera_id, sequence, captured_ns, ClockQuality.FILE, image)
        except av.error.FFmpegError as error:
            broken = reason(error)
        if not self._closed.is_set():
            self._judge_end(placed, broken)

    def close(self) -> None:
        self._closed.set()
        if self._playing.acquire(blocking=False):  # otherwise `frames` closes it
            self._container.close()
            self._playing.release()

    def status(self) -> SourceStatus:
        """Status of the source; may be called from another thread."""
        notes = [self._choice] if self._choice else []
        if self._timeline.restarts:
            times = f"{self._timeline.restarts} times" if self._timeline.restarts > 1 else "once"
            notes.append(f"its clock was set anew {times}; what came then follows what came before")
        return SourceStatus(decoded=self._decoded, left_out=self._counts(), notes=tuple(notes))

    def _counts(self) -> Counter[str]:
        # Copies: it may be asked for at any time, while another thread counts.
        return Counter(dict(self._left_out)) + Counter(dict(self._timeline.left_out))

    def _placed(self) -> Iterator[tuple[int, tuple[int, av.VideoFrame]]]:
        """Every decoded frame that has a place in time, with its media time in nanoseconds and its number."""
        self._stream.thread_type = "AUTO"
        best_time = BestTimes()
        for decoded in self._decode():
            sequence, self._decoded = self._decoded, self._decoded + 1
            ticks = None if self._invented else best_time(decoded)
            stated_s = None if ticks is None else seconds(ticks, decoded.time_base or self._stream.time_base)
            yield from self._timeline.place(stated_s, (sequence, decoded))
            if self._timeline.hopeless:
                return
        self._timeline.end()

    def _decode(self) -> Iterator[av.VideoFrame]:
        """The frames of the video; damaged packets are passed over, as players do, and counted."""
        for packet, ours in packets(self._container, self._stream):
            if not ours:
                self._left_out[LeftOut.OTHER_VIDEO] += bool(packet.size)
                continue
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                self._left_out[LeftOut.DAMAGED] += 1
                continue
            yield from frames

    def _judge_end(self, placed: int, broken: str | None) -> None:
        """Raise SourceError for a recording that breaks off, or has given nothing at all."""
        reached_s, counts = self._timeline.reached_s, self._counts()
        if not placed and self._timeline.left_out[LeftOut.UNTIMED]:
            raise SourceError(
                f"{self._what} has no time stamps and states no frame rate, so that no frame has a time (put it into "
                f"a container with its rate: ffmpeg -framerate 25 -i {self._path.name} -c copy {self._path.stem}.mp4)"
            )
        # A stray time, or one by another clock than at first, may stand in the container as the end.
        announced_s = None if counts[LeftOut.STRAY] or self._timeline.restarts else self._announced_s
        if broken is None and placed and announced_s is not None and reached_s < announced_s - BREAK_TOLERANCE_S:
            broken = "the file is cut off"
        if not placed:
            raise SourceError(f"{self._what} gave no frame: {broken or in_words(counts) or 'there is none in it'}")
        if said := in_words(counts):
            logger.warning("%s: %s", self._what, said)
        if broken is not None:
            of = f" of {announced_s:.1f} s" if announced_s is not None else ""
            raise SourceError(
                f"{self._what} breaks off after {reached_s:.1f} s{of}: {broken} (everything before it was processed)"
            )


def _open(path: Path, what: str) -> av.container.InputContainer:
    try:
        return av.open(local(path), options=OPTIONS, metadata_errors="replace")
    except av.error.FFmpegError as error:
        # The library's message holds the whole path; neither it nor its traceback may get out.
        raise SourceError(f"{what}: {reason(error)}") from None


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
        self._container = av.open(local(path), "w", options=options)
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
