"""Quantiles of travel times: of weighted links, and the interval of a median."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST = 6
"""Links below which a median has no interval: it would be wider than they lie apart."""

Z = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""


def weighted_quantiles(
    values: NDArray[np.floating], weights: NDArray[np.floating], shares: Sequence[float]
) -> list[float]:
    """Quantiles of sorted values (N,), interpolated between the middles of their weights (N,)."""
    total = float(weights.sum())
    if total <= 0:
        weights, total = np.ones_like(values), float(len(values))
    middles = (np.cumsum(weights) - weights / 2) / total
    return [float(value) for value in np.interp(shares, middles, values)]


def median_interval(values: NDArray[np.floating]) -> tuple[float | None, float | None]:
    """The 95 % interval of the median of sorted values (N,): order statistics, binomial by its normal approximation."""
    count = len(values)
    if count < FEWEST:
        return None, None
    half = Z * np.sqrt(count) / 2
    low = max(0, int(np.floor(count / 2 - half)))
    high = min(count - 1, int(np.ceil(count / 2 + half)))
    return round(float(values[low]), 2), round(float(values[high]), 2)
