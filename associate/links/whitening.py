"""Whitening: what changes between sightings of one vehicle says less of who it is.

The covariance of the differences between linked sightings is taken off the vectors' space, direction by direction
(within-class covariance normalization: Hatch, Kajarekar and Stolcke, Interspeech 2006), with the stream's own links in
place of labels. What light, pose and the cameras at hand change is another thing at every site; no training knows it.
"""

from typing import NamedTuple

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


class Shrinking(NamedTuple):
    """Directions (K, D) of the vectors' space that change most, and by how much each is shrunk (K,)."""

    directions: NDArray[np.float32]
    shrunk: NDArray[np.float32]

    def applied(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centred vectors (N, D), shrunk and of norm 1 again; one that nothing is left of stays as it was."""
        apart = vectors - (self.shrunk * (vectors @ self.directions.T)) @ self.directions
        norms = np.linalg.norm(apart, axis=1, keepdims=True)
        return np.asarray(np.where(norms > 1e-6, apart / np.maximum(norms, 1e-6), vectors), np.float32)


def shrinking_of(differences: NDArray[np.float32]) -> Shrinking | None:
    """Learn from differences (L, D) of centred vectors, each of two sightings of one vehicle; None of too few."""
    if len(differences) < FEWEST:
        return None
    # Step 1: variances and directions by the Gram matrix of L differences, which is smaller than that of D numbers
    rows = differences.astype(np.float64) / np.sqrt(2)
    squares, mixtures = np.linalg.eigh(rows @ rows.T)
    if squares[-1] <= 0:  # vehicles that look the same to the last digit: there is nothing to overlook
        return None
    kept = np.flatnonzero(squares > 1e-9 * squares[-1])[::-1][:DIRECTIONS]
    directions = mixtures[:, kept].T @ rows / np.sqrt(squares[kept])[:, None]
    # Step 2: how much of each is left, beside the mean variance of all
    variances = squares / len(rows)
    ridge = RIDGE * variances.sum() / rows.shape[1]
    shrunk = 1 - np.sqrt(ridge / (ridge + variances[kept]))
    return Shrinking(directions.astype(np.float32), shrunk.astype(np.float32))


class Whitening:
    """Directions to shrink, by encoder; `rows` is what has to be stored.

    Tracklets keep the vector that was made as they ended: whitening changes slowly, and the two of a pair may differ.
    """

    def __init__(self) -> None:
        self.rows: Table[Spread] = Table("spread", Spread)

    def whitened(self, vector: Vector, encoder: str) -> Vector:
        """The centred vector (D,), shrunk and of norm 1 again."""
        row = self.rows.get(encoder)
        return vector if row is None else _read(row, len(vector)).applied(vector[None])[0]

    def due(self, encoder: str, now_s: float) -> bool:
        """Return True where an encoder is to be learned anew."""
        row = self.rows.get(encoder)
        return row is None or now_s >= row.learned_s + EVERY_S

    def learn(self, encoder: str, differences: NDArray[np.float32], now_s: float) -> None:
        """Learn from differences (L, D) of centred vectors, each of two sightings of one vehicle."""
        learned = shrinking_of(differences)
        if learned is None:
            return
        directions, shrunk = learned.directions.tobytes(), learned.shrunk.tobytes()
        self.rows.put(encoder, Spread(directions=directions, shrunk=shrunk, learned_s=now_s))


def _read(row: Spread, dim: int) -> Shrinking:
    return Shrinking(np.frombuffer(row.directions, np.float32).reshape(-1, dim), np.frombuffer(row.shrunk, np.float32))
