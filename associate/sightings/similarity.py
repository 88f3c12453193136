"""Similarity of sightings, read relative to what their cameras see."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

BACKED = 5.0
"""Vectors of all cameras that stand behind the mean of one."""

FADE_IN = 20
"""Vectors after which centring has its full weight."""


class CameraMeans:
    """Mean vectors of cameras: their light, height and colours are in every vector that they give.

    sums: by the camera's number, the sum (D,) of its vectors and their count.
    """

    def __init__(self, sums: Mapping[int, tuple[NDArray[np.float64], int]]) -> None:
        self._sums = sums
        self._count = sum(count for _, count in sums.values())
        self._every = sum((total for total, _ in sums.values()), np.zeros(1)) / max(self._count, 1)

    def centred(self, vectors: NDArray[np.floating], cameras: NDArray[np.integer]) -> Vectors:
        """Vectors (N, D) less the mean of their camera (N,), of norm 1; an unknown camera's less the mean of all."""
        weight = min(1.0, self._count / FADE_IN)
        apart = np.array(vectors, np.float32)
        for camera in np.unique(cameras).tolist():
            total, count = self._sums.get(camera, (0.0, 0))
            mean = (total + BACKED * self._every) / (count + BACKED)
            apart[cameras == camera] -= np.asarray(weight * mean, np.float32)
        return normalised(apart)


def normalised(vectors: NDArray[np.floating]) -> Vectors:
    """Rows (N, D) of norm 1; zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-6), np.float32)
