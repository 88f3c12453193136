"""Probability that a sighting is of the vehicle that is asked for, given how many were searched."""

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ONE_PASSAGE_S = 600.0
"""Sightings of one camera within this time compete: a vehicle passes once."""


def probabilities(
    similarity: Floats, prior_odds: Floats, cameras: Ints, enter_s: Floats, calibration: Calibration
) -> Floats:
    """Probability (N,) of each sighting, where one of a camera's in some minutes can be right at most.

    similarity: centred cosines. prior_odds: before anything was seen. cameras, enter_s: where and when.
    """
    odds = prior_odds * np.exp(calibration.term(similarity))
    rivals = np.zeros(len(odds))
    for camera in np.unique(cameras).tolist():
        mine = np.flatnonzero(cameras == camera)
        order = mine[np.argsort(enter_s[mine], kind="stable")]
        reached = np.concatenate(([0.0], np.cumsum(odds[order])))
        first = np.searchsorted(enter_s[order], enter_s[order] - ONE_PASSAGE_S, "left")
        last = np.searchsorted(enter_s[order], enter_s[order] + ONE_PASSAGE_S, "right")
        rivals[order] = reached[last] - reached[first]
    return np.asarray(odds / (1 + rivals), np.float64)


def calibrated(others: Floats, start: Calibration) -> Calibration:
    """A calibration whose similarities of two vehicles are those of the index.

    others: similarities of sightings of different cameras, few of which are one vehicle.
    """
    if len(others) < _FEWEST:
        return start
    return start.fitted(np.zeros(0), np.zeros(0), others)


_FEWEST = 200
