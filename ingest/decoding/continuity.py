"""Times that jump: one frame that is far off is left out, a jump that lasts is believed."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

CONFIRMED_BY = 3
"""So many frames in a row have to be on a new timeline before it is believed, unless another number is asked for."""

OF_LAST_STEP = 3.0
"""A step of up to this many times the one before is no jump: a time lapse has a frame a minute."""


@dataclass(frozen=True, slots=True, eq=False)
class Passed(Generic[Item]):
    """Verdict after a frame: the frames that may go on, in order, and those that are refused.

    jumped: `accepted` begins a new timeline. late, stray: refused frames that are a little, or far, off.
    """

    accepted: tuple[tuple[float, Item], ...] = ()
    jumped: bool = False
    late: int = 0
    stray: int = 0


class Continuity(Generic[Item]):
    """Passes frames on whose times follow each other; holds those that jump until the next ones tell which is right.

    All times are seconds. A step of more than `ahead_s`, or back by `back_s` or more, is a jump. A frame after a jump
    is held. If the next one goes on where the time stood before, the held one was off, and is refused; `confirmed_by`
    frames that follow each other on the other side of the jump are a new timeline.
    """

    def __init__(
        self, *, ahead_s: float, back_s: float, usual_step_s: float = 0.0, confirmed_by: int = CONFIRMED_BY
    ) -> None:
        self._confirmed_by = confirmed_by
        self._ahead_s = ahead_s
        self._back_s = back_s
        self._step_s = usual_step_s
        self._last_s: float | None = None
        self._held: deque[tuple[float, Item]] = deque()

    @property
    def last_s(self) -> float | None:
        """The time of the last frame that was passed on."""
        return self._last_s

    @property
    def step_s(self) -> float:
        """The last step between frames of one timeline; before there was one, the usual one."""
        return self._step_s

    def take(self, at_s: float, item: Item) -> Passed[Item]:
        """Judge the next frame."""
        side = self._side(at_s)
        if side == 0:
            late, stray = self._refuse()
            if self._last_s is not None and at_s > self._last_s:
                self._step_s = at_s - self._last_s
            self._last_s = at_s
            return Passed(((at_s, item),), late=late, stray=stray)
        late = stray = 0
        if self._held and (self._side(self._held[-1][0]) != side or at_s <= self._held[-1][0]):
            late, stray = self._refuse()
        self._held.append((at_s, item))
        if len(self._held) < self._confirmed_by:
            return Passed(late=late, stray=stray)
        accepted = tuple(self._held)
        self._held.clear()
        self._last_s, self._step_s = at_s, at_s - accepted[-2][0]
        return Passed(accepted, jumped=True, late=late, stray=stray)

    def end(self) -> Passed[Item]:
        """Refuse what is still held: nothing came that would confirm it."""
        late, stray = self._refuse()
        return Passed(late=late, stray=stray)

    def _tolerance_s(self) -> float:
        return max(self._ahead_s, OF_LAST_STEP * self._step_s)

    def _side(self, at_s: float) -> int:
        """0 for a time that follows the last one, -1 and 1 for one on the other side of a jump."""
        if self._last_s is None:
            return 0
        step_s = at_s - self._last_s
        if step_s > self._tolerance_s():
            return 1
        return 0 if step_s > -self._back_s else -1

    def _refuse(self) -> tuple[int, int]:
        """Counts of the held frames that are late, and of those that stray; none is held afterwards."""
        assert self._last_s is not None or not self._held
        stray = sum(abs(at_s - (self._last_s or 0.0)) > self._tolerance_s() for at_s, _ in self._held)
        late = len(self._held) - stray
        self._held.clear()
        return late, stray
