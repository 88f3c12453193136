"""Frames of a network stream whose media times follow each other."""

from collections import Counter, deque
from dataclasses import dataclass

import av

from ingest.clock import NS
from ingest.decoding.continuity import Continuity
from ingest.decoding.left_out import LeftOut

JUMP_S = 10.0
"""Media time that jumps further, and stays there, makes a new session."""

JUMP_FRAMES = 8
"""Recorders that stamp a frame wrongly now and then do so for a few in a row as well."""

USUAL_NS = NS // 25


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded frame: its number in the session, its media time where it has one, and when it came (Unix)."""

    sequence: int
    frame: av.VideoFrame
    media_ns: int | None
    arrival_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class InOrder:
    """The frames that may go on, in order; jumped_s: by how much the media time has jumped before the first of them."""

    frames: tuple[Decoded, ...]
    jumped_s: float | None = None


class MediaOrder:
    """Order of one session's frames by media time; what is refused is counted in `left_out`.

    Over RTSP small steps back are for the camera's clock to judge; over HTTP a step back is a restart like any other.
    """

    def __init__(self, left_out: Counter[str], *, rtsp: bool) -> None:
        self._left_out = left_out
        self._in_order: Continuity[Decoded] = (
            Continuity(ahead_s=JUMP_S, back_s=JUMP_S, confirmed_by=JUMP_FRAMES)
            if rtsp
            else Continuity(ahead_s=JUMP_S, back_s=0.0)
        )
        self._last_media_ns: int | None = None
        self._intervals: deque[int] = deque(maxlen=32)

    def take(self, media_ns: int, decoded: Decoded) -> InOrder:
        """Judge the next frame; one whose media time is far off is held until the next ones tell which is right."""
        before_s = self._in_order.last_s
        passed = self._in_order.take(media_ns / NS, decoded)
        self._left_out += Counter({LeftOut.STRAY: passed.stray, LeftOut.LATE: passed.late})  # in place, without zeros
        jumped_s = passed.accepted[0][0] - (before_s or 0.0) if passed.jumped else None
        return InOrder(tuple(one for _, one in passed.accepted), jumped_s)

    def note(self, media_ns: int) -> None:
        """Take in the media time of a frame that goes on."""
        before_ns, self._last_media_ns = self._last_media_ns, media_ns
        if before_ns is not None and 0 < media_ns - before_ns < NS:
            self._intervals.append(media_ns - before_ns)

    @property
    def usual_interval_ns(self) -> int:
        """The median interval from frame to frame; before there were two, that of most cameras."""
        return sorted(self._intervals)[len(self._intervals) // 2] if self._intervals else USUAL_NS

    @property
    def least_interval_ns(self) -> int:
        """The least interval from frame to frame of late; 0 before there were two."""
        return min(self._intervals, default=0)
