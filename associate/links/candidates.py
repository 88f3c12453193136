"""Candidates: the pairs of tracklets that time, topology and looks allow."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from associate.links.fragments import OVERLAP_S, nearness
from associate.links.local_scaling import local_scaling
from associate.links.model import LinkModel
from associate.links.pairs import PairTable, cosines_of, most_each
from associate.links.travel_times import Floats, Ints
from associate.links.window import Window

HOPELESS = -9.0
"""Log odds, by all but gates, below which a pair is not kept."""

ROUGHLY = 0.1
"""Tolerance of log odds by a rough similarity to those by the exact one, far more than they differ by."""

GATES_MOST = 2.0
APPEARANCE_MOST = 7.0

COMPARED_CAMERAS, COMPARED_TRACKLETS = 32, 6000
"""Cameras, or about so many tracklets, that a tracklet is compared with though no way between them is known."""

SCALED_MOST = 0.05
"""Most that local scaling is supposed to add to a similarity. Of a pair without a known way, at a site of more than
those, nothing but looks can speak: it is compared where they may speak for it."""

_NO_INTS, _NO_FLOATS = np.zeros(0, np.int64), np.zeros(0)


def turns_of(model: LinkModel, window: Window) -> int:
    """Turns in which cameras are compared with tracklets where no way is known: one at most sites."""
    return max(1, min(-(-model.cameras // COMPARED_CAMERAS), -(-len(window) // COMPARED_TRACKLETS)))


def scaled_cameras(model: LinkModel, window: Window, places: Ints) -> NDArray[np.bool_]:
    """Which cameras (P, C) some tracklets are scaled before: all, or at a large site those with a known way."""
    camera = window.camera[places]
    if turns_of(model, window) == 1:
        return np.ones((len(places), model.cameras), np.bool_)
    return np.asarray(model.known[camera] | model.known[:, camera].T, np.bool_)


def form_pairs(model: LinkModel, window: Window, changed: Ints, now_s: float) -> PairTable:
    """The pairs of tracklets that have appeared or ended, with everything they may follow or be followed by.

    Topology and time first, with looks from one matrix product a block; what they leave over is compared exactly.
    """
    # Step 1: by time and topology, with roughly how alike they are; each pair once
    left_s = window.left_s(now_s)
    found = [_possible(model, window, block, left_s) for block in _blocks(model, window, changed)]
    i, j, about = (np.concatenate(each) for each in zip(*found, strict=True))
    time, near = _expected(model, window, i, j, left_s)
    timely = time + near + GATES_MOST + APPEARANCE_MOST > HOPELESS
    i, j = i[timely], j[timely]
    about, time, near = about[timely], time[timely], near[timely]
    # Step 2: by looks; a matrix product, whose last digits depend on its size, only sorts out
    scaling, most = local_scaling(window, i, j), most_each(len(window))
    roughly = time + near + model.calibration.term(about - scaling)
    kept = np.flatnonzero(roughly > HOPELESS - ROUGHLY)
    kept = kept[_likeliest(i[kept], j[kept], roughly[kept], most, ROUGHLY)]
    kept = kept[np.argsort(j[kept] << 32 | i[kept])]
    i, j, time, near = i[kept], j[kept], time[kept], near[kept]
    alike = (cosines_of(window, i, j) - scaling[kept]).astype(np.float32)
    hope = time + near + model.calibration.term(alike.astype(np.float64))
    kept = np.flatnonzero(hope > HOPELESS)
    kept = kept[_likeliest(i[kept], j[kept], hope[kept], most)]
    return PairTable.fresh(j[kept], i[kept], alike[kept], near[kept])


class _Block(NamedTuple):
    """Tracklets to compare, by place: each of the `earlier` with each of the `later`.

    unknown: only where nothing is known of a way between their cameras.
    """

    earlier: Ints
    later: Ints
    unknown: bool = False


def _blocks(model: LinkModel, window: Window, changed: Ints) -> Iterator[_Block]:
    """Yield what is to be compared: all with all, or at a large site what is known and a share of all else."""
    unchanged = np.ones(len(window), np.bool_)
    unchanged[changed] = False
    others = np.flatnonzero(unchanged & (window.enter_s >= window.enter_s[changed].min()))
    before = np.flatnonzero(window.enter_s <= window.enter_s[changed].max())
    turns = turns_of(model, window)
    if turns == 1:
        yield _Block(before, changed)
        yield _Block(changed, others)
        return
    camera, number = window.camera, window.number
    for mine in np.unique(camera[changed]).tolist():
        own = changed[camera[changed] == mine]
        yield _Block(before[model.known[camera[before], mine]], own)
        yield _Block(own, others[model.known[mine, camera[others]]])
    for turn in range(turns):
        of_camera = (camera % turns == turn)[before], (camera % turns == turn)[changed]
        of_number = (number % turns == turn)[changed], (number % turns == turn)[others]
        yield _Block(before[of_camera[0]], changed[of_number[0]], unknown=True)
        yield _Block(changed[of_camera[1]], others[of_number[1]], unknown=True)


def _possible(model: LinkModel, window: Window, block: _Block, left_s: Floats) -> tuple[Ints, Ints, Floats]:
    """The pairs (P,) of a block that may be in this order within the horizon: earlier, later, and cosine roughly."""
    first, second, enter_s, number = block.earlier, block.later, window.enter_s, window.number
    first = first[left_s[first] > enter_s[second].min(initial=np.inf) - model.bins.horizon_s]
    second = second[enter_s[second] < left_s[first].max(initial=-np.inf) + model.bins.horizon_s]
    if not len(first) or not len(second):
        return _NO_INTS, _NO_INTS, _NO_FLOATS
    alike = window.vector[first] @ window.vector[second].T
    # What leaves fewest over comes first: where no way is known hardly anybody is alike enough.
    if block.unknown:
        asked = alike > model.calibration.least(0.0) - SCALED_MOST
    else:
        asked = enter_s[first, None] <= enter_s[second]
    row, column = np.nonzero(asked)
    i, j = first[row], second[column]
    possible = (enter_s[i] < enter_s[j]) | ((enter_s[i] == enter_s[j]) & (number[i] < number[j]))
    possible &= (left_s[i] > enter_s[j] - model.bins.horizon_s) & (window.encoder[i] == window.encoder[j])
    if block.unknown:
        possible &= ~model.known[window.camera[i], window.camera[j]]
    return i[possible], j[possible], alike[row[possible], column[possible]].astype(np.float64)


def _expected(model: LinkModel, window: Window, i: Ints, j: Ints, left_s: Floats) -> tuple[Floats, Floats]:
    """The most (P,) that times and rates say of pairs, and their nearness as fragments; minus infinity for no pair."""
    a, b = window.camera[i], window.camera[j]
    time = model.most(a, b, model.travel.both_bins(window, i, j))
    open_ended = ~window.shut[i] & ~model.travel.from_entering[a, b]
    time = np.where(open_ended, np.maximum(time, model.most_ever(a, b)), time)
    fragment, near = a == b, np.zeros(len(i))
    fits = fragment & window.shut[i] & (window.enter_s[j] - left_s[i] > -OVERLAP_S)
    near[fits] = nearness(window, i[fits], j[fits])
    return np.where(fragment & ~fits, -np.inf, time), near


def _likeliest(earlier: Ints, later: Ints, hope: Floats, most: int, within: float = 0.0) -> Ints:
    """The places of each later tracklet's likeliest pairs, in order, and of those `within` of the last of them."""
    if not len(later):
        return np.zeros(0, np.int64)
    order = np.lexsort((earlier, -hope, later))
    first = np.searchsorted(later[order], later[order], side="left")
    place = np.arange(len(order))
    last = hope[order[np.minimum(first + most, len(order)) - 1]]
    return np.sort(order[(place - first < most) | (hope[order] > last - within)])
