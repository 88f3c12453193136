"""Joining of fragments: a vehicle that was cut in two by a pole or a bus is one again, by motion and looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes
from ingest.clock import NS

TRAIL = 8
"""Boxes at the end and at the beginning of a fragment from which its speed is taken: a second of them by default."""
LEAST_COSINE = 0.6
"""Least cosine of two fragments' vectors."""
OFF, OFF_A_S = 0.6, 0.4
"""Distance, in sides, by which two fragments may miss each other, and what a second of the gap adds to it."""
SIZES = 1.6
"""Most by which their sides may differ, as a factor."""
SLOWING_S = 1.5
"""Time constant with which a speed is forgotten."""


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """An end of a tracklet: the latest boxes before a gap, or the first ones after it.

    times_ns (K,) rising; boxes (K, 4) xyxy pixels; vector (D,) of norm 1.
    """

    times_ns: Sequence[int]
    boxes: Boxes
    vector: NDArray[np.float32]

    @property
    def speed(self) -> NDArray[np.float64]:
        """(2,) pixels a second of the centre, from first to last box; 0 of a single one."""
        passed_s = (self.times_ns[-1] - self.times_ns[0]) / NS
        centres = _centres(self.boxes)
        return (centres[-1] - centres[0]) / passed_s if passed_s > 0 else np.zeros(2)


def find_earlier(after: Fragment, before: Sequence[Fragment]) -> int | None:
    """The place of the fragment that one which has just begun continues; None where it continues none of them."""
    likenesses = [
        float(after.vector @ each.vector) if leads_to(each, after) and len(each.vector) == len(after.vector) else -1.0
        for each in before
    ]
    best = max(range(len(before)), key=lambda place: likenesses[place], default=None)
    return best if best is not None and likenesses[best] >= LEAST_COSINE else None


def leads_to(before: Fragment, after: Fragment) -> bool:
    """Test whether a vehicle may have gone from the one to the other: they meet in the middle of the gap."""
    gap_s = (after.times_ns[0] - before.times_ns[-1]) / NS
    if gap_s <= 0:
        return False
    old, new = before.boxes[-1:].astype(np.float64), after.boxes[:1].astype(np.float64)
    sides = [float(np.sqrt(np.maximum((box[0, 2:] - box[0, :2]).prod(), 1.0))) for box in (old, new)]
    if max(sides) > SIZES * min(sides):
        return False
    drift_s = SLOWING_S * (1 - np.exp(-gap_s / 2 / SLOWING_S))
    missed = (_centres(new)[0] - after.speed * drift_s) - (_centres(old)[0] + before.speed * drift_s)
    return bool(np.hypot(*missed) <= (OFF + OFF_A_S * gap_s) * np.mean(sides))


def _centres(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    return (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2
