"""One-to-one assignment of sightings to identities, and its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from associate.likelihood import posterior
from associate.trajectory import Evidence

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
"""Placeholder of a vehicle not seen before."""


def assign(candidates: Sequence[Sequence[Candidate]], new_ratio: float) -> list[Candidate]:
    """Assign each sighting a candidate or NEW, no identity twice, with the largest sum of log ratios there is.

    A sighting that stays new scores `new_ratio`. Ties go to the identity that comes first by name.
    """
    # Step 1: a column for each identity, and one for each sighting to stay new in
    names = sorted({it.identity for options in candidates for it in options})
    columns = {name: column for column, name in enumerate(names)}
    count = len(candidates)
    cost = np.full((count, len(names) + count), IMPOSSIBLE)
    cost[np.arange(count), len(names) + np.arange(count)] = -new_ratio
    # Step 2: costs are negated log ratios; the small term settles ties by name
    chosen: list[dict[int, Candidate]] = [{} for _ in range(count)]
    for row, options in enumerate(candidates):
        for it in options:
            column = columns[it.identity]
            cost[row, column] = -it.ratio + 1e-12 * column
            chosen[row][column] = it
    # Step 3: one-to-one assignment over all candidates
    rows, picked = linear_sum_assignment(cost)
    result = [NEW] * count
    for row, column in zip(rows.tolist(), picked.tolist(), strict=True):
        result[row] = chosen[row].get(column, NEW)
    return result


def evidence_of(chosen: Candidate, rivals: Sequence[Candidate], new_ratio: float) -> Evidence:
    """Evidence of a choice among `rivals` (which hold it, unless it is NEW), rounded for the wire."""
    shares = posterior([it.ratio for it in rivals], new_ratio).tolist()
    by_identity = {it.identity: share for it, share in zip(rivals, shares[:-1], strict=True)}
    linked = chosen is not NEW
    probability = by_identity.pop(chosen.identity) if linked else shares[-1]
    runner_up = max(by_identity, key=lambda name: (by_identity[name], name), default=None)
    return Evidence(
        probability=round(probability, 6),
        similarity=round(chosen.similarity, 6) if linked else None,
        appearance=round(chosen.appearance, 6) if linked else None,
        travel_time=round(chosen.travel_time, 6) if linked else None,
        travel_s=round(chosen.travel_s, 3) if linked else None,
        runner_up=runner_up,
        margin=round(probability - by_identity[runner_up], 6) if runner_up is not None else None,
    )
