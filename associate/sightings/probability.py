"""Probability that a sighting is of the vehicle that is asked for, given how many were searched."""

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import ASTRAY, TAIL, Calibration, log_normal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ONE_PASSAGE_S = 600.0
"""Sightings of one camera within this time compete: a vehicle passes once."""

STRONGEST = 10.0
"""Bound of what looks say, as a log likelihood ratio: one vehicle of twenty thousand has a twin."""


def probabilities(
    similarity: Floats, prior_odds: Floats, cameras: Ints, enter_s: Floats, calibration: Calibration
) -> Floats:
    """Probability (N,) of each sighting, where one of a camera's in some minutes can be right at most.

    similarity: centred cosines. prior_odds: before anything was seen. cameras, enter_s: where and when.
    """
    odds = prior_odds * evidence(similarity, calibration)
    rivals = np.zeros(len(odds))
    for camera in np.unique(cameras).tolist():
        mine = np.flatnonzero(cameras == camera)
        order = mine[np.argsort(enter_s[mine], kind="stable")]
        reached = np.concatenate(([0.0], np.cumsum(odds[order])))
        first = np.searchsorted(enter_s[order], enter_s[order] - ONE_PASSAGE_S, "left")
        last = np.searchsorted(enter_s[order], enter_s[order] + ONE_PASSAGE_S, "right")
        rivals[order] = reached[last] - reached[first]
    return np.asarray(odds / (1 + rivals), np.float64)


def evidence(similarity: Floats, by: Calibration) -> Floats:
    """Likelihood ratio (N,) of similarities (N,), one vehicle against two, where some crops are astray.

    The density of one vehicle's is held from 1.5 deviations above its mean on: no pair of crops is too much alike.
    What is found among thousands are the most alike of them, so that all hangs on how two vehicles' similarities end:
    as a generalised Pareto distribution (Pickands 1975) that reaches to 1, beyond which no cosine is; its one
    exponent is that of the mean excess. The exponential of association, which compares few, has too many above .7.
    """
    if by.tail_from is None or by.tail_mean is None:
        return np.exp(by.term(similarity))  # nothing is known of look-alikes
    x = np.minimum(similarity, _NEARLY_1)
    if by.same_deviation > by.others_deviation:  # below where the Gaussians turn round, less alike would say more
        x = np.maximum(x, by.turn)
    same = log_normal(np.minimum(x, by.same + 1.5 * by.same_deviation), by.same, by.same_deviation)
    others = log_normal(x, by.others, by.others_deviation)
    room = max(1 - by.tail_from, 1e-3)  # many that look the same to the last digit
    exponent = max(room / by.tail_mean - 1, 1.0)
    ending = np.log(TAIL * exponent / room * np.sqrt(2 * np.pi)) + (exponent - 1) * np.log((1 - x) / room)
    ratio = np.minimum(same - np.where(x > by.tail_from, ending, others), STRONGEST)
    return np.asarray((1 - ASTRAY) * np.exp(ratio) + ASTRAY, np.float64)


def calibrated(others: Floats, start: Calibration) -> Calibration:
    """A calibration whose similarities of two vehicles are those of the index.

    others: similarities of sightings of different cameras, few of which are one vehicle.
    """
    if len(others) < _FEWEST:
        return start
    return start.fitted(np.zeros(0), np.zeros(0), others)


_FEWEST = 200
_NEARLY_1 = 0.999
