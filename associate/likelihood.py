"""Evidence of a similarity and a travel time for one vehicle, as log likelihood ratios.

ratio = log p(evidence | same vehicle) - log p(evidence | two vehicles). Ratios of independent evidence add up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.topology import Window

APPEARANCE_LIMIT = 8.0
"""Bound of the appearance term: no image is better evidence than 3,000 to 1, look-alikes exist."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of an encoder's cosines: midpoint, where a cosine speaks for neither, and slope of the log ratio."""

    midpoint: float
    slope: float

    def ratio(self, similarity: float) -> float:
        """The appearance term: linear in the cosine, as a logistic calibration has it (Platt 1999)."""
        return max(-APPEARANCE_LIMIT, min(APPEARANCE_LIMIT, self.slope * (similarity - self.midpoint)))


def travel_ratio(window: Window, horizon_s: float) -> float:
    """The travel-time term of a time inside the window: uniform in it against uniform over the horizon.

    A narrow window that is met tells more than a wide one. Times outside are not candidates at all.
    """
    return math.log(max(horizon_s, 1e-3) / (window.max_s - window.min_s))


def posterior(ratios: Sequence[float], new_ratio: float) -> NDArray[np.float64]:
    """Posterior probabilities (N + 1,) of N exclusive candidates and, last, of none of them (ratio `new_ratio`)."""
    terms = np.array([*ratios, new_ratio], np.float64)
    weights = np.exp(terms - terms.max())
    return np.asarray(weights / weights.sum(), np.float64)
