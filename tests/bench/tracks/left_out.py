"""Settings chosen on all sources but one, and what they are worth on that one; a bootstrap over vehicles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tests.bench.tracks.rivals import Follow
from tests.bench.tracks.sources import View
from training.scoring.tracks import MIN_IOU, CameraTracks
from training.scoring.tracks import Ints as Ids

RATE_FPS = 8.0
"""The rate that settings are chosen at: the default one."""
DRAWS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class VehicleScores:
    """One run on one view, by vehicle: boxes matched under the best assignment of ids, and true boxes (V,)."""

    right: Ids
    true: Ids
    run_boxes: int

    @classmethod
    def of(cls, tracks: CameraTracks) -> "VehicleScores":
        """Score as IDF1 does (Ristani et al. 2016)."""
        vehicles, true = np.unique(tracks.truth.ids, return_counts=True)
        ids = np.unique(tracks.run.ids)
        shared = np.zeros((len(vehicles), len(ids)), np.int64)
        for true_at, run_at, similarity in tracks.pairs():
            row, column = np.nonzero(similarity >= MIN_IOU)
            rows = np.searchsorted(vehicles, tracks.truth.ids[true_at[row]])
            np.add.at(shared, (rows, np.searchsorted(ids, tracks.run.ids[run_at[column]])), 1)
        right = np.zeros(len(vehicles), np.int64)
        chosen, columns = linear_sum_assignment(shared, maximize=True)
        right[chosen] = shared[chosen, columns]
        return cls(right, true, len(tracks.run))

    def idf1(self, weights: NDArray[np.floating] | None = None) -> float:
        """IDF1; with weights (V,) every vehicle counts so often, and wrong boxes in proportion to the true ones."""
        weights = np.ones(len(self.true)) if weights is None else weights
        true = float(weights @ self.true)
        wrong = (self.run_boxes - self.right.sum()) * true / max(1, self.true.sum())
        right = float(weights @ self.right)
        return float(2 * right / max(1.0, true + right + wrong))


def scored(view: View, follow: Follow, rate_fps: float = RATE_FPS) -> VehicleScores:
    """A run of a tracker on a view."""
    frames = view.analysed(rate_fps)
    return VehicleScores.of(view.compared(frames, follow(view, frames)))


def by_source(views: Sequence[View], values: Sequence[float]) -> dict[str, float]:
    """Means over the views of each source."""
    groups: dict[str, list[float]] = {}
    for view, value in zip(views, values, strict=True):
        groups.setdefault(view.source, []).append(value)
    return {source: float(np.mean(group)) for source, group in groups.items()}


def choose(means: Mapping[str, Mapping[str, float]], left_out: str | None) -> str:
    """The setting with the best mean over all sources but one, of means by setting and source."""
    return max(
        means, key=lambda name: float(np.mean([value for source, value in means[name].items() if source != left_out]))
    )


def left_out_choices(means: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """By source, the setting that the other sources choose."""
    return {source: choose(means, source) for source in next(iter(means.values()))}


def bootstrap(
    views: Sequence[View], ours: Sequence[VehicleScores], theirs: Sequence[VehicleScores]
) -> tuple[float, float, float]:
    """Mean over sources of the difference of IDF1, and its 2.5 and 97.5 percentiles over draws of vehicles.

    The versions of a clip share their vehicles, so they share the draw.
    """
    rng = np.random.default_rng(16)

    def difference(weights: Iterator[NDArray[np.floating]] | None) -> float:
        values = []
        for one, other in zip(ours, theirs, strict=True):
            each = next(weights) if weights is not None else None
            values.append(one.idf1(each) - other.idf1(each))
        return float(np.mean(list(by_source(views, values).values())))

    def draw() -> Iterator[NDArray[np.floating]]:
        drawn: dict[tuple[str, int], NDArray[np.floating]] = {}
        for view, one in zip(views, ours, strict=True):
            count = len(one.true)
            # Views of a clip have the same vehicles; those of the city do not.
            key = (view.source if view.source.startswith("jamcam") else view.name, count)
            if key not in drawn:
                drawn[key] = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
            yield drawn[key]

    draws = [difference(draw()) for _ in range(DRAWS)]
    return difference(None), float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))
