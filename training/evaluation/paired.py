"""Paired tests of two encoders over the same queries: chance alone would divide what they disagree on evenly."""

from math import comb
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.evaluation.retrieval import Ranking


class PairedTest(msgspec.Struct, frozen=True, kw_only=True):
    """Queries that only one of two encoders answers right at rank 1, and the probability of so uneven a division.

    McNemar's exact test (two-sided; Dietterich, "Approximate statistical tests for comparing supervised classification
    learning algorithms", 1998, with the binomial for its chi-square).
    """

    only_first: int
    only_second: int
    p: float

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Self:
        """Compare (Q,) right answers of two encoders to the same queries."""
        gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
        return cls(only_first=gained, only_second=lost, p=two_sided(gained, lost))


def two_sided(gained: int, lost: int) -> float:
    """Probability that a fair coin divides so many disagreements at least as unevenly; 1 without any."""
    total, fewer = gained + lost, min(gained, lost)
    return min(1.0, float(2 * sum(comb(total, k) for k in range(fewer + 1)) / 2**total))


def right_at_one(ranking: Ranking) -> NDArray[np.bool_]:
    """Queries (Q,) whose first answer is right."""
    return np.asarray(ranking.first == 1, np.bool_)
