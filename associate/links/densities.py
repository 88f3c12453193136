"""Densities of travel times between two cameras, from what was counted and what is believed without it.

A time counts from where the earlier vehicle left its view, or from where it entered it. The former is sharp where there
is a road between the views; the latter where they overlap and vehicles queue in both. Until the counts of a way have
told which, a time may be either.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, logit

from associate.links.counts import Counts, PairCounts, key_of
from associate.links.pairs import PairTable
from associate.links.probabilities import MOST
from associate.links.travel_times import Floats, Ints, TimeBins, TravelPriors, smooth
from associate.links.window import Window

GATE_COUNT = 6.0
"""Links that the cameras' density counts for, for a pair of gates."""

BROAD_SHARE = 0.04
"""Share of the first density that always stays: somebody stops for petrol."""

LEAST = 1e-9
"""Density of a time that was never met and is not impossible."""

STILL_OPEN = -50.0
"""Log density of following a tracklet whose end, from which the time counts, has not come yet."""

ENTERING_FIRST, ENTERING_BY_HAND = 0.05, 0.001
"""Probability that a way's times count from entering, before anything was counted: windows by hand are from leaving."""

TOLD_FROM = 4.0
"""Links from which on a way's times say what they count from."""

BY_CHANCE = 1.0
"""Links that decisions take off what has been counted from one camera to another: that much is found where no way is.

Components of a mixture that hardly anything stands for die by a deduction of half as many samples as they have numbers
(Figueiredo and Jain, IEEE Transactions on Pattern Analysis and Machine Intelligence 24(3), 2002, equation 17); of a
way that would be two. Neither learning nor the forming of pairs takes anything off.
"""

GATES_BY_CHANCE = 0.5
"""Standard deviations that decisions take off what has been counted from one gate to another: by a gate that hardly
anybody uses, half a link is fifty times what is to be expected, and half a link is what a few wrong ones leave.
"""


class Others(NamedTuple):
    """Counts of links as each of P pairs is judged by them.

    own: (P,) what each pair has counted itself, of_both: what its two tracklets have from camera to camera. links: (P,)
    from camera to camera without those, as far as believed, which is a share (P,). at: (Q,) pairs whose gates have
    links, gates: (Q,) places of those. together: (P,) links by the gates, likewise, as far as believed, which is a
    share gates_believed (Q,).
    """

    own: Floats
    of_both: Floats
    links: Floats
    believed: Floats
    at: Ints
    gates: Ints
    together: Floats
    gates_believed: Floats


class TravelDensities:
    """Densities by C cameras.

    Arrays begin with 2: from leaving, from entering. Densities are rows (2, R, B): first those of the priors, for all
    pairs of cameras of which nothing has been counted, then one a pair that has counts; `row` (C, C) says which.
    entering: (C, C) probability that a way's times count from entering.
    """

    def __init__(self, bins: TimeBins, counts: Counts, priors: TravelPriors) -> None:
        self.bins, self.links = bins, counts.links
        self._prior_count = priors.count
        self.cameras = len(counts.ends)
        # Step 1: densities of camera pairs
        a, b = counts.cameras.sides
        links, behind = self.links[a, b][:, None], priors.count[a, b][:, None]
        density, kernel = _smoothed(counts.cameras, bins)
        given, prior = priors.densities, priors.densities[:, priors.which[a, b]]
        pair = (links * density + behind * prior) / (links + behind)
        self.row = priors.which.copy()
        self.row[a, b] = given.shape[1] + np.arange(len(a))
        self._density = np.concatenate([given, density], axis=1)
        self._kernel = np.concatenate([np.zeros(given.shape[:2]), kernel], axis=1)
        self._prior = np.concatenate([given, prior], axis=1)
        self._pair_density = np.concatenate([given, pair], axis=1)
        # Step 2: what times count from, by how well each of the two fits what was counted
        fit = np.einsum("kpt,kpt->kp", counts.cameras.counts, np.log(pair + LEAST))
        entering = np.where(priors.given, ENTERING_BY_HAND, ENTERING_FIRST)
        better = np.where(self.links[a, b] > TOLD_FROM, np.clip(fit[1] - fit[0], -MOST, MOST), 0.0)
        entering[a, b] = expit(logit(entering[a, b]) + better)
        np.fill_diagonal(entering, 0.0)
        self.entering, self.from_entering = entering, entering > 0.5
        # Step 3: densities of gate pairs
        self._gates = counts.gates
        self._gate_density, self._gate_kernel = _smoothed(counts.gates, bins)
        self._gate_links = counts.gates.links
        # Step 4: the most that a time can say, for leaving out hopeless pairs
        self._mixed = (1 - BROAD_SHARE) * self._pair_density + BROAD_SHARE * self._prior
        with np.errstate(divide="ignore"):
            self._log_density = np.log(self._mixed)
            self._log_sides = np.log([1 - entering, entering])
        self._most_ever = (self._log_density.max(-1)[:, self.row] + self._log_sides).max(0)

    # By pairs of cameras (P,)

    def most(self, a: Ints, b: Ints, bins: tuple[Ints, Ints]) -> Floats:
        """Log density, by the cameras alone, of times from leaving and from entering."""
        row = self.row[a, b]
        sides = (self._log_density[side, row, bins[side]] + self._log_sides[side, a, b] for side in (0, 1))
        return np.asarray(np.logaddexp(*sides), np.float64)

    def most_ever(self, a: Ints, b: Ints) -> Floats:
        """The greatest log density of any time, by one side."""
        return np.asarray(self._most_ever[a, b], np.float64)

    def density(self, a: Ints, b: Ints, bins: Ints) -> Floats:
        """Density per second by the likelier side, whose times `travel_s` gives."""
        return np.asarray(self._mixed[self._side(a, b), self.row[a, b], bins], np.float64)

    def densest(self, a: Ints, b: Ints) -> Floats:
        """The greatest density of any time, by the likelier side."""
        return np.asarray(self._pair_density.max(-1)[self._side(a, b), self.row[a, b]], np.float64)

    def _side(self, a: Ints, b: Ints) -> Ints:
        """The likelier side: 0 from leaving, 1 from entering."""
        return self.from_entering[a, b].astype(np.int64)

    def not_reached(self, share: Floats) -> Floats:
        """Probability (C, B) of being on the way to some camera still, with shares (C, C) of exits."""
        later = 1 - self.bins.reached(self._pair_density)
        cameras, on_the_way = np.arange(self.cameras)[:, None], np.zeros((self.cameras, self.bins.count))
        for side, likely in enumerate((1 - self.entering, self.entering)):
            weight = np.zeros((self.cameras, later.shape[1]))
            np.add.at(weight, (cameras, self.row), share * likely)
            on_the_way += csr_array(weight) @ later[side]
        return on_the_way

    # By pairs of tracklets (P,)

    def travel_s(self, window: Window, earlier: Ints, later: Ints) -> Floats:
        """The pairs' times by the likelier side, seconds."""
        entering = self.from_entering[window.camera[earlier], window.camera[later]]
        begin = np.where(entering, window.enter_s[earlier], window.leave_s[earlier])
        return window.enter_s[later] - begin

    def both_bins(self, window: Window, earlier: Ints, later: Ints) -> tuple[Ints, Ints]:
        """The bins of the pairs' times from leaving and from entering."""
        enter_s = window.enter_s[later]
        return self.bins.of(enter_s - window.leave_s[earlier]), self.bins.of(enter_s - window.enter_s[earlier])

    def others(self, window: Window, pairs: PairTable, *, eager: bool) -> Others:
        """Count the links without those of each pair's two tracklets; learning, which is `eager`, believes all of them.

        Whom a vehicle may have followed by one way is one guess, over several tracklets: none of them proves another.
        """
        a, b = window.camera[pairs.earlier], window.camera[pairs.later]
        own = pairs.share.astype(np.float64)
        # Step 1: links from camera to camera
        of_both = _of_both(key_of(pairs.later, a), key_of(pairs.earlier, b), own)
        links = np.maximum(self.links[a, b] - of_both, 0.0)
        believed = np.ones(len(pairs))
        if not eager:
            believed = np.where(a == b, 1.0, np.maximum(links - BY_CHANCE, 0.0) / np.maximum(links, LEAST))
        # Step 2: links by the gates, where they have any
        place, known = self._gates.find(window.gate_out[pairs.earlier], window.gate_in[pairs.later])
        at = np.flatnonzero(known & window.shut[pairs.earlier] & (a != b))
        leaving, entering = window.gate_out[pairs.earlier[at]], window.gate_in[pairs.later[at]]
        of_gates = _of_both(key_of(pairs.later[at], leaving), key_of(pairs.earlier[at], entering), own[at])
        counted = np.maximum(self._gate_links[place[at]] - of_gates, 0.0)
        gates_believed = believed[at]
        if not eager:
            gates_believed = gates_believed * np.maximum(1 - GATES_BY_CHANCE / np.sqrt(np.maximum(counted, LEAST)), 0.0)
        together = np.zeros(len(pairs))
        together[at] = counted * gates_believed
        return Others(own, of_both, links * believed, believed, at, place[at], together, gates_believed)

    def log_density(self, window: Window, pairs: PairTable, others: Others) -> Floats:
        """Log density per second of the pairs' times, by cameras and gates."""
        i, j = pairs.earlier, pairs.later
        a, b = window.camera[i], window.camera[j]
        bins = self.both_bins(window, i, j)
        from_leaving, from_entering = (self._by_side(side, bins[side], a, b, others) for side in (0, 1))
        entering, shut = self.entering[a, b], window.shut[i]
        density = np.where(shut, (1 - entering) * from_leaving, 0.0) + entering * from_entering
        least = np.where(shut, LEAST * (from_leaving > 0), np.exp(STILL_OPEN))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(density, least)), np.float64)

    def _by_side(self, side: int, bins: Ints, a: Ints, b: Ints, others: Others) -> Floats:
        """Density (P,) of times from one side, without the pairs' own counts."""
        row, width = self.row[a, b], self.bins.widths_s[bins]
        broad, behind = self._prior[side, row, bins], self._prior_count[a, b]
        counted = self.links[a, b] * self._density[side, row, bins] - others.own * self._kernel[side, row] / width
        counted = np.maximum(counted, 0.0) * others.believed
        density = (counted + behind * broad) / (others.links + behind)
        at, gates = others.at, others.gates
        if len(at):
            counted = self._gate_links[gates] * self._gate_density[side, gates, bins[at]]
            counted = counted - others.own[at] * self._gate_kernel[side, gates] / width[at]
            counted = np.maximum(counted, 0.0) * others.gates_believed
            density[at] = (counted + GATE_COUNT * density[at]) / (others.together[at] + GATE_COUNT)
        return np.asarray((1 - BROAD_SHARE) * density + BROAD_SHARE * broad, np.float64)


def _of_both(by_later: Ints, by_earlier: Ints, share: Floats) -> Floats:
    """The shares (P,) of all pairs that have a key in common with each, by the later tracklet or the earlier one."""
    of_later, of_earlier = (_summed(keys, share) for keys in (by_later, by_earlier))
    return of_later + of_earlier - share


def _summed(keys: Ints, values: Floats) -> Floats:
    """The sum (P,) of the values that have the same key."""
    _, group = np.unique(keys, return_inverse=True)
    return np.asarray(np.bincount(group, values)[group] if len(keys) else values, np.float64)


def _smoothed(counted: PairCounts, bins: TimeBins) -> tuple[Floats, Floats]:
    """Densities (2, K, B) and kernels at their centres (2, K) of counts."""
    density, kernel = smooth(counted.counts.reshape(-1, bins.count), bins)
    return density.reshape(counted.counts.shape), kernel.reshape(counted.counts.shape[:-1])
