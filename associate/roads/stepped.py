"""Clocks that were set: a shift of one camera's times by which the latest tracklets fit the past better.

Not the links that were found are asked, since a step makes them few, but all pairs that looks allow: for every
tracklet and other camera log(1 + sum of odds), with travel times as they are and as they were before such a shift.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from associate.links.model import LinkModel
from associate.links.pairs import PairTable
from associate.links.travel_times import Floats, Ints
from associate.links.window import Window
from associate.roads.closed import WATCHED_LINKS

LATEST_S = 180.0
"""Time within which later tracklets have ended."""

_AHEAD_S = 3.0 * np.sinh(np.arange(0.4, 3.5, 0.1))
SHIFTS_S = np.concatenate([-_AHEAD_S[::-1], [0.0], _AHEAD_S])
"""Shifts (S,) that are tried: none, and from 1.2 s to 45 s either way, in steps of a tenth."""

NONE = len(_AHEAD_S)
"""Place of the shift that is none."""


LEAST_ASKED = 10
"""Tracklets of a camera that have to have likely pairs."""

AGREEING = 5.0
HOPELESS = 0.3
"""Odds, at the likeliest travel time, below which a pair says nothing of any shift."""


class Step(NamedTuple):
    """The likeliest shift of a camera's clock, camera by index.

    ahead_s: time by which it is ahead of before. gain: log likelihood ratio against none. neighbours: other cameras
    that agree, with a gain of `AGREEING` each. against: the least gain of any other camera.
    """

    camera: int
    ahead_s: float
    gain: float
    neighbours: int
    against: float


def steps(window: Window, pairs: PairTable, past: LinkModel, now_s: float) -> Iterator[Step]:
    """Yield the likeliest step, which may be none, of every camera that enough tracklets are of."""
    a, b = window.camera[pairs.earlier], window.camera[pairs.later]
    asked = (a != b) & (past.links[a, b] >= WATCHED_LINKS) & window.shut[pairs.earlier]
    asked &= window.shut[pairs.later] & (window.closed_s[pairs.later] > now_s - LATEST_S)
    pairs, a, b = pairs.at(asked), a[asked], b[asked]
    odds = np.exp(past.calibration.term(pairs.similarity.astype(np.float64)))
    odds *= past.links[a, b] / past.exits[a] / past.arrival_rate[b]
    likely = odds * past.travel.densest(a, b) > HOPELESS
    pairs, a, b, odds = pairs.at(likely), a[likely], b[likely], odds[likely]
    # Step 1: odds (P, S) of every pair where the later camera's clock is ahead by each of the shifts
    times_s = past.travel.travel_s(window, pairs.earlier, pairs.later)[:, None] - SHIFTS_S
    bins = past.bins.of(times_s)
    fits = odds[:, None] * past.travel.density(a[:, None], b[:, None], bins)
    # Step 2: of each camera, with the pairs in which it is the earlier one the other way round
    for camera in range(past.cameras):
        gains, asked_of = np.zeros((past.cameras, len(SHIFTS_S))), 0
        for mine, other, own, shifted in (
            (b == camera, a, pairs.later, fits),
            (a == camera, b, pairs.earlier, fits[:, ::-1]),
        ):
            gains += _gains(shifted[mine], own[mine], other[mine], past.cameras)
            asked_of += len(np.unique(own[mine]))
        best = int(np.argmax(gains.sum(0)))
        at_best = gains[:, best]
        agreeing = int(np.count_nonzero(at_best >= AGREEING))
        if asked_of >= LEAST_ASKED:
            yield Step(camera, float(SHIFTS_S[best]), float(at_best.sum()), agreeing, float(at_best.min()))


def _gains(fits: Floats, own: Ints, other: Ints, cameras: int) -> Floats:
    """Gains (C, S) by other camera: sums of log(1 + sum of odds) of the tracklets, less those without a shift."""
    if not len(own):
        return np.zeros((cameras, fits.shape[1]))
    order = np.argsort(own * cameras + other, kind="stable")
    groups, first = np.unique((own * cameras + other)[order], return_index=True)
    each = np.log1p(np.add.reduceat(fits[order], first))
    found = np.zeros((cameras, fits.shape[1]))
    np.add.at(found, groups % cameras, each - each[:, NONE, None])
    return found
