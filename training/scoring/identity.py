"""IDF1 for many namings of the same boxes: what is compared is found once, then each naming takes milliseconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, hstack, identity
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from training.scoring.tracks import MIN_IOU, CameraTracks, Ints


@dataclass(frozen=True, slots=True)
class IdScores:
    """Ristani et al. 2016, equations 8 to 10; NaN where there was nothing to find."""

    idf1: float
    idp: float
    idr: float


@dataclass(frozen=True, slots=True, eq=False)
class BoxPairs:
    """The boxes of a run (R, those of the first camera first) and the P pairs with a true one from IoU .5 on.

    places: (R,) which frame of which camera, as one number. run_rows: (P,) the run box of a pair. vehicles: (P,) the
    true id of a pair, numbered from 0. vehicle_count, true_boxes: of all cameras.
    """

    places: Ints
    run_rows: Ints
    vehicles: Ints
    vehicle_count: int
    true_boxes: int

    @classmethod
    def of(cls, cameras: Sequence[CameraTracks]) -> Self:
        """Build from cameras in which a true id means the same vehicle everywhere."""
        true_ids = np.unique(np.concatenate([np.array([], np.int64), *(it.truth.ids for it in cameras)]))
        places, run_rows, vehicles = [np.array([], np.int64)], [np.array([], np.int64)], [np.array([], np.int64)]
        rows, frames = 0, 0
        for camera in cameras:
            numbers = np.searchsorted(true_ids, camera.truth.ids)
            places.append(frames + camera.run.frames)
            for true_at, run_at, similarity in camera.pairs():
                true, run = np.nonzero(similarity >= MIN_IOU)
                vehicles.append(numbers[true_at[true]])
                run_rows.append(rows + run_at[run])
            rows += len(camera.run)
            frames += int(camera.frames.max(initial=0)) + 1
        return cls(
            places=np.concatenate(places),
            run_rows=np.concatenate(run_rows),
            vehicles=np.concatenate(vehicles),
            vehicle_count=len(true_ids),
            true_boxes=sum(len(it.truth) for it in cameras),
        )

    def score(self, names: Ints) -> IdScores:
        """The scores of a naming (R,): the id of each box of the run. Scored as `score_tracks` does."""
        if not self.true_boxes:
            return IdScores(math.nan, math.nan, math.nan)
        numbers = _told_apart(names, self.places)[self.run_rows]
        shared = coo_matrix(
            (np.ones(len(numbers)), (self.vehicles, numbers)), (self.vehicle_count, 1 + numbers.max(initial=0))
        )
        right = _largest_matching(shared.tocsr())
        return IdScores(
            idf1=2 * right / (self.true_boxes + len(names)),
            idp=right / max(1, len(names)),
            idr=right / self.true_boxes,
        )


def _told_apart(names: Ints, places: Ints) -> Ints:
    """Number names by ids (R,) from 0: one that is twice in one place is, from its second box on, another one."""
    order = np.lexsort((np.arange(len(names)), names, places))
    name, place = names[order], places[order]
    first = np.ones(len(names), np.bool_)
    first[1:] = (name[1:] != name[:-1]) | (place[1:] != place[:-1])
    begins = np.maximum.accumulate(np.where(first, np.arange(len(names)), 0))
    times = np.empty(len(names), np.int64)
    times[order] = np.arange(len(names)) - begins
    _, numbers = np.unique(np.stack([names, times]), axis=1, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def _largest_matching(shared: csr_matrix) -> int:
    """The most boxes that a one-to-one assignment of rows to columns of a count matrix can cover."""
    rows: int = shared.shape[0]
    # Every row may also stay alone, in a column of its own; one more everywhere, because a weight of 0 is no edge.
    shared.data += 1
    weights = hstack([shared, identity(rows)]).tocsr()
    matched = min_weight_full_bipartite_matching(weights, maximize=True)
    covered: int = round(weights[matched].sum())
    return covered - rows
