"""One-to-one assignment of sightings to identities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

IMPOSSIBLE = 1e9


@dataclass(frozen=True, slots=True)
class Candidate:
    """An identity that a sighting may belong to, with the evidence: similarity is a cosine, the two terms are log
    likelihood ratios, travel_s the seconds between the views."""

    identity: str
    similarity: float
    appearance: float
    travel_time: float
    travel_s: float

    @property
    def ratio(self) -> float:
        """The log likelihood ratio of all evidence together."""
        return self.appearance + self.travel_time


NEW = Candidate(identity="", similarity=0.0, appearance=0.0, travel_time=0.0, travel_s=0.0)
"""Stands for a vehicle not seen before."""


def assign(candidates: Sequence[Sequence[Candidate]], new_ratio: float) -> list[Candidate]:
    """For each sighting its candidate, or NEW; no identity twice; the sum of log ratios is the largest there is.

    A sighting that stays new scores `new_ratio`. Ties go to the identity that comes first by name.
    """
    names = sorted({it.identity for options in candidates for it in options})
    columns = {name: column for column, name in enumerate(names)}
    count = len(candidates)
    cost = np.full((count, len(names) + count), IMPOSSIBLE)
    cost[np.arange(count), len(names) + np.arange(count)] = -new_ratio
    chosen: list[dict[int, Candidate]] = [{} for _ in range(count)]
    for row, options in enumerate(candidates):
        for it in options:
            column = columns[it.identity]
            cost[row, column] = -it.ratio + 1e-12 * column
            chosen[row][column] = it
    rows, picked = linear_sum_assignment(cost)
    result = [NEW] * count
    for row, column in zip(rows.tolist(), picked.tolist(), strict=True):
        result[row] = chosen[row].get(column, NEW)
    return result
