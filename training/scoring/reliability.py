"""Reliability of stated probabilities: calibration curve, ECE and Brier score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.trajectory import Kind
from ingest.errors import ConfigError
from training.scoring.decisions import Decisions
from training.scoring.links import Proportion
from training.scoring.sightings import Sightings

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Statements whose probability is in [low, high]: how many are right, and what they said on average."""

    low: float
    high: float
    stated: float
    right: Proportion


@dataclass(frozen=True, slots=True)
class Reliability:
    """Reliability of statements with a probability each.

    stated: their mean. right: how many are. ece: expected calibration error over bins of equal width (Naeini et al.
    2015; Guo et al. 2017, equation 3). adaptive_ece: over bins of equal counts (Nixon et al. 2019). brier: the mean
    squared error (Brier 1950). bins, equal_bins: both divisions, without empty bins.
    """

    stated: float
    right: Proportion
    ece: float
    adaptive_ece: float
    brier: float
    bins: list[Bin]
    equal_bins: list[Bin]


def reliability(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], *, bins: int = BINS
) -> Reliability | None:
    """Measure N statements: their `probabilities` (N,), and `right` (N,), True where they hold; None without any.

    Raises ConfigError for a probability that is not in [0, 1].
    """
    if not len(right):
        return None
    wrong = probabilities[~((probabilities >= 0) & (probabilities <= 1))]
    if len(wrong):
        raise ConfigError(f"{len(wrong)} stated probabilities are none, such as {wrong[0]:g} (expected 0 to 1)")
    by_width = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    width_bins = [
        _bin(probabilities[by_width == at], right[by_width == at], at / bins, (at + 1) / bins)
        for at in sorted(set(by_width.tolist()))
    ]
    # Equal probabilities stay together: a bin is what somebody who only sees the numbers could tell apart.
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    by_count = np.searchsorted(edges, probabilities, side="left")
    count_bins = [_bin(probabilities[by_count == at], right[by_count == at]) for at in sorted(set(by_count.tolist()))]
    return Reliability(
        stated=float(probabilities.mean()),
        right=Proportion.of(int(right.sum()), len(right)),
        ece=_error(width_bins),
        adaptive_ece=_error(count_bins),
        brier=float(((probabilities - right) ** 2).mean()),
        bins=width_bins,
        equal_bins=count_bins,
    )


def _bin(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], low: float | None = None, high: float | None = None
) -> Bin:
    low = float(probabilities.min()) if low is None else low
    high = float(probabilities.max()) if high is None else high
    return Bin(low, high, float(probabilities.mean()), Proportion.of(int(right.sum()), len(right)))


def _error(bins: Sequence[Bin]) -> float:
    return sum(it.right.trials * abs(it.right.value - it.stated) for it in bins) / sum(it.right.trials for it in bins)


def run_reliability(decisions: Decisions, sightings: Sightings) -> dict[str, Reliability]:
    """Measure by statement: `links` of complete tracklets, `new` vehicles, `provisional` links of tracklets in view.

    A link is right if both of its tracklets follow the same vehicle; links with strays are wrong. A new vehicle is
    right if no tracklet that was decided before follows the same one; strays are left out. So are tracklets without a
    box that is scored.
    """
    judged: dict[str, list[tuple[float, bool]]] = {"links": [], "new": [], "provisional": []}
    decided: set[int] = set()
    for it in decisions.stated:
        if it.tracklet not in sightings.visit_of:
            continue
        vehicle = sightings.vehicle_of(it.tracklet)
        if it.before is not None and it.before in sightings.visit_of:
            right = vehicle is not None and vehicle == sightings.vehicle_of(it.before)
            judged["provisional" if it.kind is Kind.PROVISIONAL else "links"].append((it.probability, right))
        elif it.before is None and vehicle is not None:
            judged["new"].append((it.probability, vehicle not in decided))
        if it.kind is not Kind.PROVISIONAL and vehicle is not None:
            decided.add(vehicle)
    found = {}
    for name, pairs in judged.items():
        table = np.array(pairs, np.float64).reshape(-1, 2)
        found[name] = reliability(table[:, 0], table[:, 1] > 0)
    return {name: it for name, it in found.items() if it is not None}
