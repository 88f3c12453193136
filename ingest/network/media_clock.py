"""Capture times of streams over HTTP: their media times, anchored to a wall clock.

Frames of such streams arrive in bursts, a segment at once, while their media times are good. So capture time is media
time plus an offset, which is anchored by the playlist (EXT-X-PROGRAM-DATE-TIME) or by arrival, and moves slowly.
"""

from collections import deque

from ingest.clock import NS
from ingest.frame import ClockQuality
from ingest.network.stream_clock import MS, ClockStatus

SLEW = 0.02
"""The offset moves by this much of the media time that passes, so that frames stay as far apart as they are."""

STEP_NS = 2 * NS
"""An offset that has to grow by more than this is a gap in the stream, and is taken at once."""

WINDOW_NS = 60 * NS
"""The least delay of this long is that of the network and the camera, without jitter."""

AHEAD_NS = 2 * NS
BEHIND_NS = 600 * NS
"""A playlist's times this far from arrival are wrong; a live stream is some segments behind."""


class MediaClock:
    """Stamps the frames of one session; all times in nanoseconds, wall times in Unix time."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._target_ns = 0
        self._quality = ClockQuality.ARRIVAL
        self._suspect = ""
        self._last_media_ns: int | None = None
        self._lag_ns: int | None = None
        self._bounds: deque[tuple[int, int]] = deque()  # arrival, and arrival less media time; rising in both

    @property
    def anchored(self) -> bool:
        return self._offset_ns is not None

    def anchor(self, media_ns: int, captured_ns: int, *, quality: ClockQuality, arrival_ns: int) -> None:
        """State when the frame of `media_ns` was captured; `arrival_ns` is now.

        A playlist's time that cannot be is not used, and stands in the status.
        """
        if quality is ClockQuality.PLAYLIST:
            ahead_ns = captured_ns - arrival_ns
            if not -BEHIND_NS <= ahead_ns <= AHEAD_NS:
                side = "ahead" if ahead_ns > 0 else "behind"
                self._suspect = f"the playlist's times are {abs(ahead_ns) / NS:.1f} s {side}"
                return
        self._target_ns = captured_ns - media_ns
        if self._offset_ns is None:
            self._offset_ns, self._quality = self._target_ns, quality

    def follow(self, media_ns: int, arrival_ns: int) -> None:
        """Take in a frame that was read as soon as it came: it cannot have been captured after that."""
        bound_ns = arrival_ns - media_ns
        while self._bounds and self._bounds[-1][1] >= bound_ns:
            self._bounds.pop()
        self._bounds.append((arrival_ns, bound_ns))
        while arrival_ns - self._bounds[0][0] > WINDOW_NS:
            self._bounds.popleft()
        self._target_ns = self._bounds[0][1]

    def go_on(self, media_ns: int, step_ns: int) -> None:
        """The media time has jumped to `media_ns`; the frame comes `step_ns` after the one before it."""
        if self._last_media_ns is not None and self._offset_ns is not None:
            moved_ns = self._last_media_ns + step_ns - media_ns
            self._offset_ns += moved_ns
            self._target_ns += moved_ns
            self._last_media_ns = media_ns - step_ns
            self._bounds.clear()

    def stamp(self, media_ns: int, arrival_ns: int) -> tuple[int, ClockQuality]:
        """The capture time of a frame and its quality."""
        if self._offset_ns is None:
            self.anchor(media_ns, arrival_ns, quality=ClockQuality.ARRIVAL, arrival_ns=arrival_ns)
            assert self._offset_ns is not None
        wrong_ns = self._target_ns - self._offset_ns
        if wrong_ns > STEP_NS:
            self._offset_ns = self._target_ns
        elif self._last_media_ns is not None:
            most_ns = round(SLEW * max(0, media_ns - self._last_media_ns))
            self._offset_ns += max(-most_ns, min(most_ns, wrong_ns))
        self._last_media_ns = media_ns
        captured_ns = media_ns + self._offset_ns
        self._lag_ns = arrival_ns - captured_ns
        return captured_ns, self._quality

    def status(self, now_ns: int) -> ClockStatus:
        """State of the clock; `now_ns` is not needed, a stream over HTTP has no reports that grow old."""
        del now_ns
        lag_ms = None if self._lag_ns is None else self._lag_ns / MS
        return ClockStatus(clock=self._quality, suspect=self._suspect, lag_ms=lag_ms, faults=int(bool(self._suspect)))
