"""HOTA without a table of all true ids by all ids of the run, and without a loop over frames.

TrackEval's class needs twenty such tables: with the identities of an hour of twenty cameras that is 6 GB and many
minutes. The result is the same: the tests hold this module against that class.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from training.scoring.tracks import Ints

Floats = NDArray[np.float64]

THRESHOLDS = np.arange(0.05, 0.99, 0.05)
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """All boxes of a sequence, and the P pairs of a true one and one of the run that touch, frame by frame.

    true_ids, run_ids: of all boxes. frame, true_at, run_at: (P,) of the pairs, the latter two places in the former.
    """

    true_ids: Ints
    run_ids: Ints
    frame: Ints
    true_at: Ints
    run_at: Ints
    similarity: Floats


def mean_hota(data: dict[str, Any]) -> tuple[float, float, float]:
    """HOTA, DetA and AssA (Luiten et al. 2021, equations 5 to 10), each the mean over IoU .05 to .95.

    `data` is what TrackEval's `eval_sequence` takes; 0 where there is nothing on one side.
    """
    boxes = _flat(data)
    if not len(boxes.similarity):
        return 0.0, 0.0, 0.0
    # Step 1: pairs of overlapping boxes, and the id pairs that they belong to
    # By box pair the number of its id pair, and by id pair its two ids.
    pairs = np.stack([boxes.true_ids[boxes.true_at], boxes.run_ids[boxes.run_at]])
    ids, link = np.unique(pairs, axis=1, return_inverse=True)
    link = link.reshape(-1)
    either = np.bincount(boxes.true_ids)[ids[0]] + np.bincount(boxes.run_ids)[ids[1]]
    # Step 2: alignment of every id pair over the whole sequence
    around_true = np.bincount(boxes.true_at, boxes.similarity)[boxes.true_at]
    around_run = np.bincount(boxes.run_at, boxes.similarity)[boxes.run_at]
    shares = boxes.similarity / (around_true + around_run - boxes.similarity)
    potential = np.bincount(link, shares, len(either))
    alignment = potential / (either - potential)
    # Step 3: match boxes frame by frame, those of well aligned ids first
    chosen = _matching(boxes, alignment[link] * boxes.similarity)
    link, similarity = link[chosen], boxes.similarity[chosen]
    # Step 4: detection and association at every threshold
    hota, deta, assa = [], [], []
    for threshold in THRESHOLDS:
        shared = np.bincount(link[similarity >= threshold - _EPS], minlength=len(either))
        found = int(shared.sum())
        deta.append(found / (len(boxes.true_ids) + len(boxes.run_ids) - found))
        assa.append(float((shared * shared / (either - shared)).sum()) / max(1, found))
        hota.append(math.sqrt(deta[-1] * assa[-1]))
    return float(np.mean(hota)), float(np.mean(deta)), float(np.mean(assa))


def _flat(data: dict[str, Any]) -> _Boxes:
    frame, true_at, run_at, similarity = [], [], [], []
    trues = runs = 0
    for number, near in enumerate(data["similarity_scores"]):
        rows, columns = np.nonzero(near > _EPS)
        frame.append(np.full(len(rows), number))
        true_at.append(trues + rows)
        run_at.append(runs + columns)
        similarity.append(near[rows, columns])
        trues, runs = trues + near.shape[0], runs + near.shape[1]
    nothing = np.array([], np.int64)
    return _Boxes(
        true_ids=np.concatenate([nothing, *data["gt_ids"]]),
        run_ids=np.concatenate([nothing, *data["tracker_ids"]]),
        frame=np.concatenate([nothing, *frame]),
        true_at=np.concatenate([nothing, *true_at]),
        run_at=np.concatenate([nothing, *run_at]),
        similarity=np.concatenate([np.array([], np.float64), *similarity]),
    )


def _matching(boxes: _Boxes, score: Floats) -> NDArray[np.bool_]:
    """Pairs (P,), True where matched one to one, with the greatest sum of scores in every frame.

    Most boxes touch one other box only; assignments are worked out where more than two meet.
    """
    true_at, run_at = boxes.true_at, boxes.run_at
    chosen: NDArray[np.bool_] = (np.bincount(true_at)[true_at] == 1) & (np.bincount(run_at)[run_at] == 1)
    contested = np.flatnonzero(~chosen)
    breaks = np.flatnonzero(np.diff(boxes.frame[contested])) + 1
    for pairs in np.split(contested, breaks) if len(contested) else []:
        trues, row = np.unique(true_at[pairs], return_inverse=True)
        runs, column = np.unique(run_at[pairs], return_inverse=True)
        table = np.zeros((len(trues), len(runs)))
        table[row, column] = score[pairs]
        best = np.full(len(trues), -1)
        rows, columns = linear_sum_assignment(table, maximize=True)
        best[rows] = columns
        chosen[pairs] = best[row] == column
    return chosen
