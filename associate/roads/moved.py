"""Cameras that look elsewhere: where vehicles come and go in the frame now, and how they look, against the past."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from associate.links.gates import Gates
from associate.links.travel_times import Ints
from associate.links.window import Window

LATEST = 40
"""Tracklets of a camera that are the present."""

LEAST_PAST = 150
"""Tracklets of a camera before those, from which on it is watched."""


class Sight(NamedTuple):
    """A camera's latest tracklets, camera by index.

    gates: total variation distance of the gates that they use from those of the past, of ways in and of ways out, the
    lesser of both. looks: mean cosine between their centred vectors, near zero while the mean is what it was.
    """

    camera: int
    gates: float
    looks: float


def sights(
    window: Window, gates: Gates, cameras: int, centred: Callable[[Ints], NDArray[np.float32]]
) -> Iterator[Sight]:
    """Yield the cameras of which enough is known; `centred` gives vectors (N, D) by places, as yet not whitened."""
    for camera in range(cameras):
        mine = np.flatnonzero(window.shut & (window.camera == camera))
        latest = mine[np.argsort(-window.closed_s[mine], kind="stable")][:LATEST]
        apart = [_gates_apart(gates, camera, used[latest]) for used in (window.gate_in, window.gate_out)]
        known = [distance for distance in apart if distance is not None]
        if len(latest) == LATEST and len(known) == len(apart):
            yield Sight(camera, min(known), _mean_cosine(centred(latest)))


def _gates_apart(gates: Gates, camera: int, used: Ints) -> float | None:
    """Total variation distance between the gates that were used lately (N,) and before; None where that was too little.

    Gates are those of the way, in or out, that the used ones are of.
    """
    if not len(used):
        return None
    outgoing = gates[int(used[0])].outgoing
    numbers = [number for number in gates.of_camera(camera) if gates[number].outgoing == outgoing]
    lately = np.array([np.count_nonzero(used == number) for number in numbers], np.float64)
    before = np.array([gates[number].count for number in numbers]) - lately
    if before.sum() < LEAST_PAST or not lately.sum():
        return None
    return float(np.abs(lately / len(used) - before / before.sum()).sum() / 2)


def _mean_cosine(vectors: NDArray[np.float32]) -> float:
    """Mean cosine over all pairs of N vectors of norm 1 (N, D): that of their sum's square, less each with itself."""
    count, total = len(vectors), vectors.astype(np.float64).sum(0)
    return float((np.einsum("d,d->", total, total) - count) / (count * (count - 1)))
