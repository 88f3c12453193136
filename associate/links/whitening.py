"""Whitening: what changes between sightings of one vehicle says less of who it is.

The covariance of the differences between linked sightings is taken off the vectors' space, direction by direction
(within-class covariance normalization: Hatch, Kajarekar and Stolcke, Interspeech 2006), with the stream's own links in
place of labels. What light, pose and the cameras at hand change is another thing at every site; no training knows it.
"""

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Vector
from associate.rows import Spread
from associate.state import Table

FROM_PROBABILITY = 0.9
"""Least probability of a link that counts as two sightings of one vehicle."""

FEWEST, LATEST = 30, 300
"""Links from which whitening begins, and the latest that it is learned from."""

EVERY_S = 30.0

DIRECTIONS = 64
"""Directions of a vector that may be shrunk, those that change most."""

RIDGE = 12.0
"""Mean variances of all directions that are added to each: less makes more links, and surer ones than is right."""


class Whitening:
    """Directions to shrink, by encoder; `rows` is what has to be stored.

    Tracklets keep the vector that was made as they ended: whitening changes slowly, and the two of a pair may differ.
    """

    def __init__(self) -> None:
        self.rows: Table[Spread] = Table("spread", Spread)

    def whitened(self, vector: Vector, encoder: str) -> Vector:
        """The centred vector (D,), shrunk and of norm 1 again."""
        row = self.rows.get(encoder)
        if row is None:
            return vector
        directions, shrunk = _read(row, len(vector))
        apart = vector - directions.T @ (shrunk * (directions @ vector))
        norm = float(np.linalg.norm(apart))
        return np.asarray(apart / norm, np.float32) if norm > 1e-6 else vector

    def due(self, encoder: str, now_s: float) -> bool:
        """Return True where an encoder is to be learned anew."""
        row = self.rows.get(encoder)
        return row is None or now_s >= row.learned_s + EVERY_S

    def learn(self, encoder: str, differences: NDArray[np.float32], now_s: float) -> None:
        """Learn from differences (L, D) of centred vectors, each of two sightings of one vehicle."""
        if len(differences) < FEWEST:
            return
        # Step 1: variances and directions by the Gram matrix of L differences, which is smaller than that of D numbers
        rows = differences.astype(np.float64) / np.sqrt(2)
        squares, mixtures = np.linalg.eigh(rows @ rows.T)
        if squares[-1] <= 0:  # vehicles that look the same to the last digit: there is nothing to overlook
            return
        kept = np.flatnonzero(squares > 1e-9 * squares[-1])[::-1][:DIRECTIONS]
        directions = mixtures[:, kept].T @ rows / np.sqrt(squares[kept])[:, None]
        # Step 2: how much of each is left, beside the mean variance of all
        variances = squares / len(rows)
        ridge = RIDGE * variances.sum() / rows.shape[1]
        shrunk = 1 - np.sqrt(ridge / (ridge + variances[kept]))
        self.rows.put(
            encoder,
            Spread(
                directions=directions.astype(np.float32).tobytes(),
                shrunk=shrunk.astype(np.float32).tobytes(),
                learned_s=now_s,
            ),
        )


def _read(row: Spread, dim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.frombuffer(row.directions, np.float32).reshape(-1, dim), np.frombuffer(row.shrunk, np.float32)
