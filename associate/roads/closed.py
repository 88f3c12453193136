"""Roads that nobody takes any more: of the latest exits, links that were to be expected and those that were found."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from associate.links.appearance import Calibration
from associate.links.model import LinkModel
from associate.links.pairs import PairTable
from associate.links.travel_times import Floats
from associate.links.window import Window

EXPECTED = 20.0
"""Links that are to be expected before anything is said."""

SPAN_S = 120.0
"""Shortest time that these exits cover: longer than the red phases between two platoons."""

LEAST_SHARE = 0.05
WATCHED_LINKS = 20.0
"""Links in the past from which a pair of cameras is watched."""

MARGIN_S = 30.0
"""Time beyond the travel time until a vehicle that has come has left the view, and its link is learned."""

REACHED = 0.8
"""Share of travel times that have to have passed since an exit; the longest ones are mostly links of two vehicles."""


class Passing(NamedTuple):
    """Links of the latest exits of camera `start` to camera `end`, by index: expected by the past, and found."""

    start: int
    end: int
    expected: float
    found: float


def passings(window: Window, pairs: PairTable, past: LinkModel, now_s: float, since_s: Floats) -> Iterator[Passing]:
    """Yield the roads that were known in the past and for which enough vehicles have left since.

    since_s: (C,) seconds from which on exits are asked about: since when each camera has been heard without
    interruption, and within the memory; infinite where it is silent.
    """
    links = np.where(np.eye(past.cameras, dtype=np.bool_), 0.0, past.links)
    exits = links.sum(1) + past.counts.ends
    share = links / np.maximum(exits, 1e-9)[:, None]
    counted = past.counts.cameras
    between = window.camera[pairs.earlier] != window.camera[pairs.later]
    gone_on = np.bincount(pairs.earlier[~between], pairs.share[~between], len(window))
    real = np.where(window.shut, np.clip(1 - gone_on, 0.0, 1.0), 0.0)
    for a, b in np.argwhere((links >= WATCHED_LINKS) & (share >= LEAST_SHARE)).tolist():
        place, _ = counted.find(np.array([a]), np.array([b]))
        leaving = counted.counts[0, place[0]].cumsum()
        reached_s = past.bins.edges_s[1 + np.searchsorted(leaving, REACHED * leaving[-1])]
        latest_s = now_s - max(reached_s, 0.0) - MARGIN_S
        mine = (window.camera == a) & (window.leave_s <= latest_s) & (window.leave_s >= max(since_s[a], since_s[b]))
        places = np.flatnonzero(mine & (real > 0))
        places = places[np.argsort(-window.leave_s[places], kind="stable")]
        expected = share[a, b] * real[places].cumsum()
        enough = (expected >= EXPECTED) & (latest_s - window.leave_s[places] >= SPAN_S)
        if not enough.any():
            continue
        count = int(np.argmax(enough)) + 1
        asked = np.zeros(len(window), np.bool_)
        asked[places[:count]] = True
        found = pairs.at(asked[pairs.earlier] & (window.camera[pairs.later] == b))
        yield Passing(a, b, float(expected[count - 1]), _true(found, past.calibration))


def _true(pairs: PairTable, calibration: Calibration) -> float:
    """Expected number of true links among probable ones, by how alike they are together.

    Where nobody comes any more, those who begin in the camera are taken for those who left: one by one that may be, but
    all of them together are no more alike than any two vehicles.
    """
    alike = (pairs.similarity - calibration.others) / max(calibration.same - calibration.others, 0.05)
    alike = np.clip(alike, -1.0, 1.0).astype(np.float64)
    return max(float(np.einsum("p,p->", pairs.share.astype(np.float64), alike)), 0.0)
