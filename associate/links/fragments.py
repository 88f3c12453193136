"""Fragments of one stay: how well a tracklet begins where another one of the same camera broke off."""

import numpy as np

from associate.links.travel_times import Floats, Ints
from associate.links.window import Window

WEIGHT = 0.9
LEAST, MOST = -8.0, 6.0
CARRIED_S = 1.5
"""Time for which a vehicle is taken to keep its speed."""

OVERLAP_S = 1.0
"""Time by which two fragments of one stay may overlap."""


def nearness(window: Window, earlier: Ints, later: Ints) -> Floats:
    """Log odds (P,) of beginning where a fragment of one stay would, against anywhere in the frame."""
    gap_s = np.clip(window.enter_s[later] - window.leave_s[earlier], 0.0, None)[:, None]
    size = np.maximum(window.last[earlier, 2:4], 0.02)
    expected = window.last[earlier, :2] + window.speed[earlier] * np.minimum(gap_s, CARRIED_S)
    deviation = 0.35 * size + 0.02 * np.minimum(gap_s, 10) + 0.01
    apart = (window.first[later, :2] - expected) / deviation
    log_density = -0.5 * (apart**2).sum(1) - np.log(2 * np.pi * deviation.prod(1))
    growth = np.log(np.maximum(window.first[later, 3], 0.01) / np.maximum(window.last[earlier, 3], 0.01))
    return np.asarray(np.clip(WEIGHT * (log_density - 0.5 * (growth / 0.35) ** 2), LEAST, MOST), np.float64)
