"""Retrieval metrics of a ranked gallery: CMC, mAP, mINP and MRR. NumPy only, in chunks of queries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_CAMERA, ImageSet, ReidData

Features = NDArray[np.float32]
"""(N, D) float32, a vector an image."""

Rows = NDArray[np.int64]
"""Numbers of rows."""

Alike = Callable[[slice], NDArray[np.float32]]
"""Similarity of some queries to every gallery image: a slice of queries to (n, G) float32, larger is more alike."""

CHUNK_BYTES = 32 * 2**20
"""Size limit of one chunk of the query-by-gallery matrix; a few such arrays are alive at a time."""

RANKS = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Ranks of each of Q queries; a query without a right answer in the gallery is skipped.

    `first` (Q,) int64: rank of the first right answer from 1 on, 0 where skipped. `precision` (Q,) float64: average
    precision, rectangular: the mean over right answers of the precision at their ranks. `penalty` (Q,) float64:
    right answers over the rank of the last of them (Ye et al. 2021). Both are 0 where skipped.
    """

    first: NDArray[np.int64]
    precision: NDArray[np.float64]
    penalty: NDArray[np.float64]

    def select(self, rows: NDArray[np.int64]) -> "Ranking":
        """Select some queries."""
        return Ranking(self.first[rows], self.precision[rows], self.penalty[rows])


@dataclass(frozen=True, slots=True)
class Metrics:
    """Means over the queries that were not skipped; with ten trials, or their standard deviation over the trials.

    `cmc` by rank: the share of queries with a right answer up to it. `mean_ap` and `mean_inp` are None in ten trials,
    where one right answer each makes the mean average precision the same as `mrr`, and it is called by its name.
    """

    cmc: Mapping[int, float]
    mrr: float
    mean_ap: float | None
    mean_inp: float | None


def pooled(rankings: list[Ranking]) -> Ranking:
    """The queries of several rankings as one: of folds, say, that asked a part each."""
    return Ranking(
        np.concatenate([ranking.first for ranking in rankings]),
        np.concatenate([ranking.precision for ranking in rankings]),
        np.concatenate([ranking.penalty for ranking in rankings]),
    )


def cosine(query: Features, gallery: Features) -> Alike:
    """Cosine similarity of normalised vectors; ordered like the Euclidean distance."""
    return lambda rows: query[rows] @ gallery.T


def rank(alike: Alike, query: ImageSet, gallery: ImageSet) -> Ranking:
    """Rank the gallery for every query, without images of its vehicle by its camera and without the image itself.

    Of images that are equally alike the one that comes first in the gallery ranks first. Memory is that of a chunk.
    """
    of_identity = rows_by_identity(gallery)
    # Step 1: as many queries at a time as memory allows
    chunk = max(1, CHUNK_BYTES // (4 * max(len(gallery), 1)))
    first = np.zeros(len(query), np.int64)
    precision, penalty = np.zeros(len(query)), np.zeros(len(query))
    for start in range(0, len(query), chunk):
        # Step 2: sort the costs once a chunk; ranks are then looked up in them
        cost = -alike(slice(start, start + chunk))
        ordered = np.sort(cost, axis=1)
        for row, sorted_costs, costs in zip(range(start, start + len(cost)), ordered, cost, strict=True):
            # Step 3: right answers, and images that must not count
            right, junk = _right_and_junk(query, row, gallery, of_identity)
            if len(right):
                # Step 4: ranks of the right answers, and the figures that follow from them
                ranks = _ranks(costs, sorted_costs, right, junk)
                first[row] = ranks[0]
                precision[row] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
                penalty[row] = len(ranks) / ranks[-1]
    return Ranking(first, precision, penalty)


def answerable(data: ReidData) -> NDArray[np.bool_]:
    """Queries (Q,) with an image of their vehicle in the gallery that may be their answer."""
    of_identity = rows_by_identity(data.gallery)
    answers = (_right_and_junk(data.query, row, data.gallery, of_identity)[0] for row in range(len(data.query)))
    return np.array([len(right) > 0 for right in answers], np.bool_)


def _right_and_junk(query: ImageSet, row: int, gallery: ImageSet, of_identity: Mapping[str, Rows]) -> tuple[Rows, Rows]:
    """Rows of a query's vehicle: those to be found, and those by its own camera or the image itself."""
    same = of_identity.get(str(query.identities[row]), np.zeros(0, np.int64))
    junk = (gallery.cameras[same] == query.cameras[row]) & (query.cameras[row] != UNKNOWN_CAMERA)
    if query.root == gallery.root:
        junk |= gallery.names[same] == query.names[row]
    return same[~junk], same[junk]


def _ranks(
    costs: NDArray[np.float32],
    ordered: NDArray[np.float32],
    right: NDArray[np.int64],
    junk: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Ranks from 1 on of the right answers, ascending: how many cost less, or as much and come first, without junk."""
    own = costs[right]
    # Step 1: images that cost less
    before = np.searchsorted(ordered, own, "left")
    # Step 2: of those that cost as much, the ones that come first in the gallery
    tied = np.flatnonzero(np.searchsorted(ordered, own, "right") - before > 1)
    for place in tied:
        before[place] += np.count_nonzero(costs[: right[place]] == own[place])
    # Step 3: junk before a right answer is taken away again
    if len(junk):
        less = costs[junk][None, :] < own[:, None]
        earlier = (costs[junk][None, :] == own[:, None]) & (junk[None, :] < right[:, None])
        before = before - (less | earlier).sum(axis=1)
    return np.sort(before) + 1


def rows_by_identity(images: ImageSet) -> dict[str, NDArray[np.int64]]:
    """Map each identity to the rows of its images, ascending; identities sorted."""
    identities, inverse = np.unique(images.identities, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(np.bincount(inverse, minlength=len(identities)))
    return dict(zip(identities.tolist(), np.split(order, ends[:-1]), strict=True)) if len(identities) else {}


def metrics_of(ranking: Ranking, what: str, *, single: bool = False) -> Metrics:
    """Means over the answered queries; raises ConfigError where there is none. `single`: one right answer each."""
    answered = ranking.first > 0
    if not answered.any():
        raise ConfigError(
            f"{what}: none of {len(ranking.first)} queries has an image of its vehicle by another camera in the gallery"
        )
    first = ranking.first[answered]
    return Metrics(
        cmc={up_to: float((first <= up_to).mean()) for up_to in RANKS},
        mrr=float((1 / first).mean()),
        mean_ap=None if single else float(ranking.precision[answered].mean()),
        mean_inp=None if single else float(ranking.penalty[answered].mean()),
    )
