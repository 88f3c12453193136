"""Local scaling: a similarity says less of a vehicle that has many look-alikes.

Conneau et al., "Word translation without parallel data", ICLR 2018, section 2.3 (CSLS): from a cosine is taken half of
what each of the two has as its mean cosine with its nearest neighbours on the other's side, here before the other's
camera, as far as that is more than usual there.
"""

import numpy as np
from numpy.typing import NDArray

from associate.links.travel_times import Floats, Ints
from associate.links.window import Window

COHORT, LEAST = 128, 20
"""Closed tracklets of a camera, the latest in memory, among which neighbours are; below the least nothing is scaled."""

NEAREST = 0.1
"""Share of the cohort, the most alike, that are neighbours."""


def local_scaling(window: Window, one: Ints, other: Ints) -> Floats:
    """Compute what to take off the cosines (P,) of pairs of tracklets: 0 within one camera."""
    # Step 1: how alike neighbours before each camera usually are, over the memory
    means, usual = window.neighbourhood, window.usual
    # Step 2: the mean of both sides' excess; cameras without a measured cohort come last and say nothing
    of_one, of_other = window.camera[one], window.camera[other]
    taken_off = np.zeros(len(one))
    pairs = np.flatnonzero((of_one != of_other) & (np.maximum(of_one, of_other) < len(usual)))
    for tracklet, camera in ((one[pairs], of_other[pairs]), (other[pairs], of_one[pairs])):
        taken_off[pairs] += 0.5 * np.nan_to_num(means[tracklet, camera] - usual[camera])
    return taken_off


def neighbourhoods(window: Window, places: Ints, asked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean cosines (P, C) of the tracklets at `places` with their nearest neighbours before each of C cameras.

    asked: (P, C) what to measure. NaN for all else, and for a small cohort.
    """
    means = np.full(asked.shape, np.nan, np.float32)
    for encoder in np.unique(window.encoder[places]):
        own = window.encoder[places] == encoder
        comparable = window.shut & (window.encoder == encoder)
        for camera in range(asked.shape[1]):
            rows = np.flatnonzero(own & asked[:, camera])
            cohort = np.flatnonzero(comparable & (window.camera == camera))[-COHORT:]
            if len(rows) and len(cohort) >= LEAST:
                means[rows, camera] = _nearest_mean(window, places[rows], cohort)
    return means


def _nearest_mean(window: Window, places: Ints, cohort: Ints) -> Floats:
    """Mean cosine (P,) of tracklets with their nearest neighbours in a cohort (M,)."""
    count = max(1, round(NEAREST * len(cohort)))
    # A matrix product, whose last digits depend on its size, only chooses; each sum is then made in the same order.
    vectors = window.vector[places]
    about = window.vector[cohort] @ vectors.T
    chosen = cohort[np.sort(np.argpartition(-about, count - 1, axis=0)[:count], axis=0)]
    alike = np.einsum("kpd,pd->kp", window.vector[chosen], vectors)
    total = np.zeros(len(places))
    for nearest in alike:
        total += nearest
    return total / count
