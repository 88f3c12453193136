"""Capture times of the frames of one session, by whichever clock there is; they rise strictly."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

import av

from ingest.clock import NS, Clock
from ingest.decoding.continuity import CONFIRMED_BY
from ingest.decoding.left_out import LeftOut
from ingest.errors import SourceError
from ingest.frame import ClockQuality
from ingest.network.arriving import time_ns
from ingest.network.hls import Anchor, HlsTimes
from ingest.network.media_clock import MediaClock
from ingest.network.media_order import JUMP_S, Decoded, InOrder, MediaOrder
from ingest.network.pace import Pace
from ingest.network.stream_clock import ClockStatus, StreamClock

ANCHORED_EVERY_S = 60.0
"""Interval at which a playlist's times are read again, to follow a clock that drifts."""


class CaptureTimes:
    """Stamps frames; those without a place in time are left out and counted in `left_out`.

    By the camera's clock or by arrival (`stream_clock`), or by media time that a playlist or arrival anchors
    (`media_clock`, None without one). names: camera and stream, for errors.
    """

    def __init__(self, names: tuple[str, str], clock: Clock, left_out: Counter[str], *, report_wait_s: float | None):
        """`report_wait_s`: how long an RTSP camera's report is waited for; None of a stream that has no reports."""
        self.decoded = 0
        self.stream_clock = StreamClock(report_wait_s=report_wait_s or 0.0)
        self.media_clock: MediaClock | None = None
        self._rtsp = report_wait_s is not None
        self._camera, self._shown = names
        self._clock, self._left_out = clock, left_out
        self._order = MediaOrder(left_out, rtsp=self._rtsp)
        self._hls: HlsTimes | None = None
        self._pace = Pace(clock)
        self._anchored_s = 0.0

    def follow_playlist(self, hls: HlsTimes, closed: threading.Event) -> None:
        """Take the playlist's times, and deliver frames at the pace at which they were captured."""
        anchor = hls.first(closed.is_set)
        self._hls, self.media_clock = hls, MediaClock()
        self._anchor(anchor)

    def follow_media(self) -> None:
        """Take the stream's media times, anchored by arrival, unless a playlist's are taken."""
        self.media_clock = self.media_clock or MediaClock()

    @property
    def held_at_first(self) -> MediaClock | None:
        """The clock for which the first packets have to be held, or None."""
        return self.media_clock if self._hls is None else None

    def status(self) -> ClockStatus:
        """State of the clock that is in use."""
        return (self.media_clock or self.stream_clock).status(self._clock.now_ns())

    def stamped(
        self, frames: Iterable[av.VideoFrame], codec: str, closed: threading.Event
    ) -> Iterator[tuple[Decoded, int, ClockQuality]]:
        """Frames with their capture time in Unix nanoseconds and its quality.

        Raises SourceError where RTSP time stamps have jumped for good, or this machine's clock was put back.
        """
        last_ns, set_back = -1, 0
        for decoded in self._continuous(frames, codec):
            stamp = self._stamp(decoded)
            if stamp is None:
                self._left_out[LeftOut.EARLY] += 1
            elif stamp[0] <= last_ns:
                self._left_out[LeftOut.LATE] += 1
                set_back = set_back + 1 if last_ns - stamp[0] > JUMP_S * NS else 0
                if set_back == CONFIRMED_BY:
                    raise SourceError(
                        f"camera '{self._camera}': this machine's clock, by which {self._shown} is timed, went back "
                        f"by {(last_ns - stamp[0]) / NS:.1f} s"
                    )
            else:
                last_ns, set_back = stamp[0], 0
                if self._hls is not None:
                    self._pace.wait_for(last_ns, closed)
                yield decoded, *stamp

    def _stamp(self, decoded: Decoded) -> tuple[int, ClockQuality] | None:
        if self.media_clock is None:
            return self.stream_clock.stamp(decoded.media_ns, decoded.arrival_ns)
        assert decoded.media_ns is not None
        if self._hls is not None and self._clock.monotonic_s() - self._anchored_s > ANCHORED_EVERY_S:
            self._anchor(self._hls.again())
        return self.media_clock.stamp(decoded.media_ns, decoded.arrival_ns)

    def _continuous(self, frames: Iterable[av.VideoFrame], codec: str) -> Iterator[Decoded]:
        """The frames whose media time follows the one before; one that is far off is left out."""
        # The parser of these holds a frame back until the next one begins.
        held = self._rtsp and codec in ("h264", "hevc")
        for frame in frames:
            media_ns = None if frame.pts is None else time_ns(frame.pts, frame)
            arrival_ns = self._clock.now_ns() - (self._order.least_interval_ns if held else 0)
            decoded = Decoded(self.decoded, frame, media_ns, arrival_ns)
            self.decoded += 1
            if media_ns is not None and (self._rtsp or self.media_clock is not None):
                yield from self._ordered(self._order.take(media_ns, decoded))
            elif self.media_clock is None:
                yield decoded  # stamped by arrival
            else:
                self._left_out[LeftOut.UNTIMED] += 1

    def _ordered(self, passed: InOrder) -> Iterator[Decoded]:
        if passed.jumped_s is not None:
            self._take_jump(passed.frames, passed.jumped_s)
        for each in passed.frames:
            assert each.media_ns is not None
            self._order.note(each.media_ns)
            yield each

    def _take_jump(self, frames: tuple[Decoded, ...], step_s: float) -> None:
        """Go on after a jump that stays, over HTTP; over RTSP raise SourceError: what was held is left out."""
        if self.media_clock is None:
            self._left_out[LeftOut.STRAY] += len(frames)
            raise SourceError(f"camera '{self._camera}': the time stamps of {self._shown} jumped by {step_s:+.1f} s")
        assert frames[0].media_ns is not None
        self.media_clock.go_on(frames[0].media_ns, self._order.usual_interval_ns)
        self._anchored_s = -ANCHORED_EVERY_S  # a playlist knows how long the gap was

    def _anchor(self, anchor: Anchor | None) -> None:
        if anchor is not None and self.media_clock is not None:
            self.media_clock.anchor(
                anchor.media_ns, anchor.captured_ns, quality=anchor.quality, arrival_ns=self._clock.now_ns()
            )
        self._anchored_s = self._clock.monotonic_s()
