"""Retrieval among the images of other cameras only: nothing that a query's own camera took is searched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.evaluation.retrieval import Features, Ranking


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """N crops by column: (N, D) vectors of norm 1, (N,) identities and cameras, and what subsets are made by.

    view_deg: (N,) from which side a vehicle is seen, NaN where nobody knows.
    """

    vectors: Features
    identities: NDArray[np.str_]
    cameras: NDArray[np.str_]
    view_deg: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: Features, identities: NDArray[np.str_], cameras: NDArray[np.str_]) -> Self:
        """Crops of which no view is known."""
        return cls(vectors, identities, cameras, np.full(len(vectors), np.nan))

    def __len__(self) -> int:
        return len(self.vectors)


def rank_elsewhere(query: Taken, gallery: Taken, views_apart_deg: tuple[float, float] | None = None) -> Ranking:
    """Rank what other cameras took; with `views_apart_deg`, [low, high), of a query's vehicle only such views.

    Images of the query's vehicle whose view differs by less or more are neither right nor wrong. A query without a
    right answer is skipped. Of images that are equally alike the one that comes first in the gallery ranks first.
    """
    first = np.zeros(len(query), np.int64)
    precision, penalty = np.zeros(len(query)), np.zeros(len(query))
    for row in range(len(query)):
        same = gallery.identities == query.identities[row]
        right = same.copy()
        if views_apart_deg is not None:
            apart = views_between_deg(query.view_deg[row], gallery.view_deg)
            right &= (apart >= views_apart_deg[0]) & (apart < views_apart_deg[1])
        searched = (gallery.cameras != query.cameras[row]) & (right | ~same)
        if not (right & searched).any():
            continue
        alike = gallery.vectors[searched] @ query.vectors[row]
        ranks = 1 + np.flatnonzero(right[searched][np.argsort(-alike, kind="stable")])
        first[row] = ranks[0]
        precision[row] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
        penalty[row] = len(ranks) / ranks[-1]
    return Ranking(first, precision, penalty)


def views_between_deg(one: float, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles (N,) between a view and others, 0 to 180."""
    return np.asarray(np.abs((others - one + 180.0) % 360.0 - 180.0), np.float64)


def wrong_from(query: Taken, gallery: Taken, group: NDArray[np.str_], group_of_query: NDArray[np.str_]) -> float:
    """Share of the wrong first answers that are of the query's own group, of light, say; NaN without a wrong one."""
    hits = []
    for row in range(len(query)):
        searched = np.flatnonzero(gallery.cameras != query.cameras[row])
        best = searched[int(np.argmax(gallery.vectors[searched] @ query.vectors[row]))]
        if gallery.identities[best] != query.identities[row]:
            hits.append(group[best] == group_of_query[row])
    return float(np.mean(hits)) if hits else float("nan")


def selected(ranking: Ranking, subsets: Mapping[str, NDArray[np.bool_]]) -> dict[str, Ranking]:
    """The ranking of each subset of queries that are not skipped, by name; empty ones are left out."""
    answered = ranking.first > 0
    rows = {name: np.flatnonzero(mask & answered) for name, mask in subsets.items()}
    return {name: ranking.select(each) for name, each in rows.items() if len(each)}
