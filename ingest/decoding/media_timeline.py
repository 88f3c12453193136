"""The media time of a recording's frames, rising, whatever its container says."""

import logging
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Generic, TypeVar

from ingest.clock import NS
from ingest.decoding.continuity import Continuity, Passed
from ingest.decoding.left_out import LeftOut

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

AHEAD_S = 10.0
"""A pause longer than this has to be confirmed by the frames after it."""

LONGEST_PAUSE_S = Fraction(86_400)
"""A longer one is a clock that was set: media time at first, and then the time of day since 1970."""

HOPELESS = 250
"""After so many frames without a time, in a stream that states no rate, none is waited for any more."""


class MediaTimeline(Generic[Item]):
    """From the times that a container states to nanoseconds since the first frame.

    A frame without a time follows the one before by one interval of the stated rate. Where the stated times go back
    and stay there (a recorder was restarted, files were put together), or go ahead by more than a day, the rest follows
    what came before; pauses stay as long as they are. What cannot be placed is counted in `left_out`.
    """

    def __init__(
        self, what: str, *, first_s: Fraction | None, interval_s: Fraction | None, wrap_s: Fraction | None = None
    ) -> None:
        """Begin a recording.

        what: the recording, for warnings. first_s: the time stamp that the container begins with. interval_s: 1 / the
        stated rate; None where none is stated. wrap_s: where time stamps begin at 0 again, for lack of bits.
        """
        self.left_out: Counter[str] = Counter()
        self.restarts = 0
        self._what = what
        self._first_s = first_s
        self._interval_s = interval_s
        self._wrap_s = wrap_s
        self._wrapped_s = Fraction(0)
        self._shift_s = Fraction(0)
        self._stated_s: Fraction | None = None  # of the frame before, jumped or not
        self._held: Continuity[tuple[Fraction, Item]] = Continuity(
            ahead_s=AHEAD_S, back_s=0.0, usual_step_s=float(interval_s or 0)
        )
        self._last_s = Fraction(-1)

    @property
    def reached_s(self) -> float:
        """The media time of the last frame that was placed."""
        return max(0.0, float(self._last_s))

    @property
    def hopeless(self) -> bool:
        """True once no frame has had a time and none will get one."""
        return self._stated_s is None and self.left_out[LeftOut.UNTIMED] >= HOPELESS

    def place(self, stated_s: Fraction | None, item: Item) -> Iterator[tuple[int, Item]]:
        """The frames that have their place now, with their media times in nanoseconds; `stated_s` is None if the
        container states none."""
        stated_s = self._untimed() if stated_s is None else self._unwrapped(stated_s)
        if stated_s is None:
            self.left_out[LeftOut.UNTIMED] += 1
            return
        if self._stated_s is None:
            # Rarely the first frame stands before the stream's stated beginning; nothing may come before 0.
            self._first_s = stated_s if self._first_s is None else min(stated_s, self._first_s)
        self._stated_s = stated_s
        yield from self._passed(self._held.take(float(stated_s), (stated_s, item)))

    def end(self) -> None:
        """Count what is still waiting for its place."""
        for _ in self._passed(self._held.end()):
            raise AssertionError("nothing is accepted at the end")

    def _untimed(self) -> Fraction | None:
        if self._interval_s is None:
            return None
        return (self._first_s or Fraction(0)) if self._stated_s is None else self._stated_s + self._interval_s

    def _unwrapped(self, stated_s: Fraction) -> Fraction:
        """Go on where the time stamps have run out of bits: they fall by almost exactly `wrap_s`."""
        if self._wrap_s is not None and self._stated_s is not None:
            step_s = stated_s + self._wrapped_s - self._stated_s + self._wrap_s
            if abs(step_s) <= AHEAD_S:
                self._wrapped_s += self._wrap_s
        return stated_s + self._wrapped_s

    def _passed(self, passed: Passed[tuple[Fraction, Item]]) -> Iterator[tuple[int, Item]]:
        for reason, count in ((LeftOut.LATE, passed.late), (LeftOut.STRAY, passed.stray)):
            if count:
                self.left_out[reason] += count
        assert self._first_s is not None or not passed.accepted
        if passed.jumped:
            self._go_on(passed.accepted[0][1][0])
        for _, (stated_s, item) in passed.accepted:
            media_s = stated_s - (self._first_s or 0) + self._shift_s
            self._last_s = media_s
            yield round(media_s * NS), item

    def _go_on(self, stated_s: Fraction) -> None:
        """The stated time has jumped to `stated_s`: back is a restart, ahead is a pause, unless it is a clock's."""
        media_s = stated_s - (self._first_s or 0) + self._shift_s
        ahead_s = media_s - self._last_s
        if 0 < ahead_s <= LONGEST_PAUSE_S:
            return
        # As far as the frames there are apart: Matroska states 1000 frames/s where a recorder does not know its rate.
        step_s = Fraction(self._held.step_s).limit_denominator(100_000) or self._interval_s or Fraction(1, 25)
        self._shift_s += self._last_s + step_s - media_s
        self.restarts += 1
        if self.restarts == 1:
            logger.warning(
                "%s: its clock goes %s by %.1f s at %.1f s; what comes then follows what came before (if the two "
                "parts do not belong together, cut the file there)",
                self._what,
                "ahead" if ahead_s > 0 else "back",
                float(abs(ahead_s)),
                float(self._last_s),
            )
