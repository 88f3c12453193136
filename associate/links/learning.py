"""Learning: soft counts of probable links, over the tracklets in memory and with what has left it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.counts import LEAST_LINKS, PairCounts, count_times, key_of
from associate.links.gates import GateTable
from associate.links.model import LinkModel
from associate.links.pairs import PairTable, similarity
from associate.links.platoons import with_platoons
from associate.links.probabilities import link_probabilities
from associate.links.travel_times import Floats, Ints, TimeBins
from associate.links.window import Window

COUNTED = 0.02
"""Least probability of a pair that is counted for its gates and its appearance."""

SURE_NEW = 1.5
"""Power of the probability with which a tracklet counts as a new vehicle: links that were missed are among those that
are hardly sure, would raise the rate of new ones, and so be missed again."""

LEAST_NEW = 0.75
"""Least share of a camera's expected new vehicles that counts, however unsure each of them is. By the power alone a
camera where every vehicle has some possible predecessor ends up without new ones, and links all of them for good."""

LINKED = 0.3
"""Probability from which a pair is no example of two vehicles."""

OTHERS = 10_000
"""Pairs of tracklets from whose similarities those of two vehicles are learned."""


class Examples(NamedTuple):
    """Pairs of tracklets (E,) by place, most of which are two vehicles, and how alike they are."""

    one: Ints
    other: Ints
    similarity: Floats


def camera_counts(
    window: Window, pairs: PairTable, past: PairCounts, bins: TimeBins, cameras: int, *, least: float = LEAST_LINKS
) -> tuple[Floats, PairCounts]:
    """Links (C, C) from camera to camera, and travel times of the pairs that have at least so many.

    pairs: weighed by their shares. past: what has left the memory.
    """
    a, b = window.camera[pairs.earlier], window.camera[pairs.later]
    share = pairs.share.astype(np.float64)
    links = np.bincount(a * cameras + b, share, cameras * cameras).astype(np.float64).reshape(cameras, cameras)
    before = past.sides
    np.add.at(links, before, past.links)
    keys = key_of(*np.nonzero((links >= least) & (links > 0)))
    past = past.at(links[before] >= least)
    return links, count_times(key_of(a, b), _times(window, pairs), share, bins, keys).plus(past)


def gate_counts(window: Window, pairs: PairTable, past: PairCounts, bins: TimeBins) -> PairCounts:
    """Travel times of the pairs of gates that have probable links."""
    between = window.camera[pairs.earlier] != window.camera[pairs.later]
    pairs = pairs.at((pairs.share > COUNTED) & between & (window.gate_out[pairs.earlier] >= 0))
    keys = key_of(window.gate_out[pairs.earlier], window.gate_in[pairs.later])
    return count_times(keys, _times(window, pairs), pairs.share.astype(np.float64), bins).plus(past)


def probable(
    model: LinkModel, window: Window, pairs: PairTable, gates: GateTable, now_s: float, bound: Floats
) -> NDArray[np.float32]:
    """The probability (P,) of each pair, over all of them together; `bound` (P,) is what corrections add."""
    terms = model.log_odds(window, pairs, gates, now_s, eager=True)
    terms = model.with_chains(window, pairs, with_platoons(model, window, pairs, pairs, terms))
    return link_probabilities(terms.total + bound, pairs.later, pairs.earlier).astype(np.float32)


def ends_and_arrivals(
    model: LinkModel, window: Window, pairs: PairTable, counted: NDArray[np.bool_], now_s: float
) -> tuple[Floats, Floats]:
    """Expected numbers (N,) of tracklets that nothing follows, and that follow nothing, of those counted (N,).

    An ending counts only as far as it is ripe: as far as a vehicle that goes on would have been seen by now; an arrival
    as far as it is sure, but of each camera's never fewer than `LEAST_NEW` of all that are expected.
    """
    out = np.bincount(pairs.earlier, pairs.share, len(window))
    into = np.bincount(pairs.later, pairs.share, len(window))
    waited = model.bins.of(np.maximum(now_s - window.leave_s, 0.0))
    seen = 1 - model.unseen_after(window.camera, waited)
    ripe = np.clip(seen / np.maximum(1 - model.end_share[window.camera], 1e-2), 0.0, 1.0)
    ends = np.where(counted, np.clip(1 - out, 0.0, 1.0) * ripe, 0.0)
    new = np.clip(1 - into, 0.0, 1.0)
    sure = new**SURE_NEW
    expected, surely = (np.bincount(window.camera, each, model.cameras) for each in (new, sure))
    raised = np.maximum(LEAST_NEW * expected / np.maximum(surely, 1e-9), 1.0)
    arrivals = np.where(counted, np.minimum(sure * raised[window.camera], 1.0), 0.0)
    return ends, arrivals


def calibration_of(start: Calibration, window: Window, pairs: PairTable, examples: Examples) -> Calibration:
    """Calibration of appearance from the memory, beginning from the encoder's own.

    Among many examples, those that are one vehicle and were not found so are few.
    """
    linked = pairs.at(pairs.share > LINKED)
    known = np.concatenate([linked.later << 32 | linked.earlier, linked.earlier << 32 | linked.later])
    others = examples.similarity[~np.isin(examples.one << 32 | examples.other, known)]
    likely = (pairs.share > COUNTED) & (window.camera[pairs.earlier] != window.camera[pairs.later])
    if len(others) <= 50:
        return start
    return start.fitted(pairs.similarity[likely].astype(np.float64), pairs.share[likely].astype(np.float64), others)


def examples_of(window: Window) -> Examples:
    """Draw examples from the whole memory: closed tracklets of different cameras."""
    shut = np.flatnonzero(window.shut)
    one, other = (shut[side] for side in _some_pairs(len(shut)))
    apart = (window.camera[one] != window.camera[other]) & (window.encoder[one] == window.encoder[other])
    one, other = one[apart], other[apart]
    return Examples(one, other, similarity(window, one, other))


def _some_pairs(count: int) -> tuple[Ints, Ints]:
    """Every so many-th of the pairs of so many things, in order of the first and then of the second."""
    every = count * (count - 1) // 2
    place = np.arange(0, every, max(every // OTHERS, 1))
    begun = np.arange(count) * (2 * count - np.arange(count) - 1) // 2  # where the pairs of each first one begin
    first = np.searchsorted(begun[: max(count - 1, 0)], place, side="right") - 1
    return first, first + 1 + place - begun[first]


def _times(window: Window, pairs: PairTable) -> tuple[Floats, Floats]:
    enter_s = window.enter_s[pairs.later]
    return enter_s - window.leave_s[pairs.earlier], enter_s - window.enter_s[pairs.earlier]
