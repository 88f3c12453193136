"""Matching of tracks and detections, one to one, in stages."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NO_TRACK = -1


class Matching:
    """One-to-one matching of T tracks and N detections in several stages: what is matched stays matched.

    `track_of` (N,) int64: the track of each detection, or NO_TRACK.
    """

    def __init__(self, tracks: int, found: int) -> None:
        self.track_of = np.full(found, NO_TRACK, np.int64)
        self._free = np.ones(tracks, np.bool_)

    def stage(self, likeness: NDArray[np.float32], tracks: Bools, found: Bools, least: float) -> None:
        """Match those of the tracks (T,) and detections (N,) that are free, for the largest sum of likeness (T, N).

        Pairs below `least` are not matched.
        """
        rows, columns = np.flatnonzero(tracks & self._free), np.flatnonzero(found & (self.track_of == NO_TRACK))
        if not len(rows) or not len(columns):
            return
        part = likeness[np.ix_(rows, columns)]
        part = np.where(part >= least, part, 0)
        chosen_rows, chosen_columns = linear_sum_assignment(part, maximize=True)
        real = part[chosen_rows, chosen_columns] > 0
        self.track_of[columns[chosen_columns[real]]] = rows[chosen_rows[real]]
        self._free[rows[chosen_rows[real]]] = False
