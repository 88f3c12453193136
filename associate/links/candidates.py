"""Candidates: the pairs of tracklets that time, topology and looks allow."""

import numpy as np

from associate.links.fragments import OVERLAP_S, nearness
from associate.links.local_scaling import local_scaling
from associate.links.model import LinkModel
from associate.links.pairs import MOST_EACH, PairTable, cosines_of
from associate.links.travel_times import Floats, Ints
from associate.links.window import Window

HOPELESS = -9.0
"""Log odds, by all but gates, below which a pair is not kept."""

GATES_MOST = 2.0
APPEARANCE_MOST = 7.0


def form_pairs(model: LinkModel, window: Window, changed: Ints, now_s: float) -> PairTable:
    """The pairs of tracklets that have appeared or ended, with everything they may follow or be followed by.

    Topology and time first, from tables; only what they leave over has its vectors compared.
    """
    # Step 1: by time and topology, as rows of known ones and columns of changed ones; each pair once
    left_s, number, enter_s = window.left_s(now_s), window.number, window.enter_s
    fresh = np.zeros(len(window), np.bool_)
    fresh[changed] = True
    comes_first = (enter_s[:, None] < enter_s[changed]) | (
        (enter_s[:, None] == enter_s[changed]) & (number[:, None] < number[changed])
    )
    gap_s = np.where(comes_first, enter_s[changed] - left_s[:, None], enter_s[:, None] - left_s[changed])
    possible = (gap_s < model.bins.horizon_s) & (window.encoder[:, None] == window.encoder[changed])
    possible &= ~(fresh[:, None] & (number[:, None] >= number[changed]))
    row, column = np.nonzero(possible)
    i = np.where(comes_first[row, column], row, changed[column])
    j = np.where(comes_first[row, column], changed[column], row)
    a, b = window.camera[i], window.camera[j]
    fragment = a == b
    time = model.most[a, b, model.bins.of(model.travel_s(window, i, j))]
    near = np.zeros(len(i))
    overlapping = window.enter_s[j] - left_s[i]
    fits = fragment & window.shut[i] & (overlapping > -OVERLAP_S)
    near[fits] = nearness(window, i[fits], j[fits])
    open_ended = ~window.shut[i] & ~model.from_entering[a, b]
    time = np.where(open_ended, np.maximum(time, model.most[a, b].max(-1)), time)
    kept = (time + near + GATES_MOST + APPEARANCE_MOST > HOPELESS) & (~fragment | fits)
    i, j, time, near, row, column = (it[kept] for it in (i, j, time, near, row, column))
    # Step 2: by looks; a matrix product, whose last digits depend on its size, only sorts out
    scaling = local_scaling(window, i, j)
    about = (window.vector @ window.vector[changed].T)[row, column] - scaling
    kept = np.flatnonzero(time + near + model.calibration.term(about) > HOPELESS - 0.1)
    kept = kept[np.argsort(j[kept] << 32 | i[kept])]
    i, j, time, near = (it[kept] for it in (i, j, time, near))
    alike = (cosines_of(window, i, j) - scaling[kept]).astype(np.float32)
    hope = time + near + model.calibration.term(alike.astype(np.float64))
    kept = hope > HOPELESS
    table = PairTable(
        j[kept], i[kept], alike[kept], near[kept].astype(np.float32), np.zeros(int(kept.sum()), np.float32)
    )
    return table.at(_likeliest(table, hope[kept]))


def _likeliest(pairs: PairTable, hope: Floats) -> Ints:
    """The places of each later tracklet's likeliest pairs, in order."""
    if not len(pairs):
        return np.zeros(0, np.int64)
    order = np.lexsort((pairs.earlier, -hope, pairs.later))
    later = pairs.later[order]
    first = np.searchsorted(later, later, side="left")
    return np.sort(order[np.arange(len(order)) - first < MOST_EACH])
