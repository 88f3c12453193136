"""Two cameras by themselves: which of their tracklets are one vehicle, whoever else saw it meanwhile.

The model of links (model.py) asks whom a tracklet follows next. Where three views see a place at once, and the first
and the third are more alike, it links those two, takes what the second sees for other vehicles, and learns from that
that it is so. What two cameras have in common shows between them alone: at some times from one to the other many are
alike, whatever third cameras see. For cameras a and b, by order of entering, the log odds that i and j are one are

    log f(t)               travel time, by what these two cameras have in common
    + log n / N            share of the tracklets of a that b sees as well
    - log (M - n) / T      rate of the tracklets of b that a has not seen
    + A                    appearance

with n links among N and M tracklets in a time T. Each tracklet has one partner before every other camera at most.
"""

from dataclasses import replace

import numpy as np

from associate.links.appearance import Calibration
from associate.links.counts import Counts, PairCounts, key_of
from associate.links.densities import TravelDensities
from associate.links.learning import camera_counts
from associate.links.pairs import PairTable
from associate.links.probabilities import link_probabilities
from associate.links.travel_times import Floats, Ints, TimeBins, TravelPriors
from associate.links.window import Window

NEAR_S = 15.0
"""Longest time from leaving one view to entering the other: views that overlap, or nearly."""

FIRST_SHARE, LEAST_SHARE = 0.1, 0.05
"""Share of a camera's tracklets that another one is first supposed to see, and links that it sees at least."""

ROUNDS = 2
"""Turns of a learning, which goes on where the one before ended; in the first every way may be one."""


class TwoCameras:
    """The model of pairs of cameras, by the pairs of tracklets in memory that closed until `learned_s`."""

    def __init__(
        self, window: Window, pairs: PairTable, bins: TimeBins, priors: TravelPriors, learned_s: float
    ) -> None:
        """Count by what pairs share `together`."""
        known = window.closed_s <= learned_s
        cameras = len(priors.which)
        self.seen = np.bincount(window.camera[known], minlength=cameras).astype(np.float64)
        self.span_s = float(np.ptp(window.enter_s[known])) + 1.0 if known.any() else 1.0
        counted = replace(pairs, share=pairs.together).at(pairs.together > 0)
        none = PairCounts.none(bins.count)
        links, times = camera_counts(window, counted, none, bins, cameras)
        counts = Counts(links, times, none, self.seen, self.seen, self.span_s)
        self.travel = TravelDensities(bins, counts, priors)

    def probable(self, window: Window, pairs: PairTable, calibration: Calibration, *, first: bool = False) -> Floats:
        """The probability (P,) that both tracklets of a pair are one vehicle.

        first: two cameras of which nothing was counted may have something in common all the same.
        """
        a, b = window.camera[pairs.earlier], window.camera[pairs.later]
        own = replace(pairs, share=pairs.together)
        others = self.travel.others(window, own, eager=True)
        links = np.maximum(self.travel.links[a, b] - others.of_both, 0.0)
        shared = links + LEAST_SHARE + (FIRST_SHARE * self.seen[a] if first else 0.0)
        rate = np.log(shared / (self.seen[a] + 2))
        rate -= np.log((np.maximum(self.seen[b] - links, 0.0) + 1) / self.span_s)
        odds = (
            self.travel.log_density(window, own, others) + rate + calibration.term(pairs.similarity.astype(np.float64))
        )
        return link_probabilities(odds, _numbered(key_of(pairs.later, a)), _numbered(key_of(pairs.earlier, b)))


def near(window: Window, pairs: PairTable) -> Ints:
    """The places of pairs of closed tracklets of two cameras that came soon after each other, or at once."""
    i, j = pairs.earlier, pairs.later
    apart = (window.camera[i] != window.camera[j]) & window.shut[i] & window.shut[j]
    return np.flatnonzero(apart & (window.enter_s[j] - window.leave_s[i] < NEAR_S))


def counted_together(
    window: Window, pairs: PairTable, bins: TimeBins, priors: TravelPriors, calibration: Calibration, learned_s: float
) -> Floats:
    """The probability (P,) of each pair by two cameras at a time, learned further: 0 for those that are not near."""
    asked = near(window, pairs)
    table = pairs.at(asked)
    for turn in range(ROUNDS):
        model = TwoCameras(window, table, bins, priors, learned_s)
        table.together[:] = np.round(model.probable(window, table, calibration, first=turn == 0), 3)
    result = np.zeros(len(pairs))
    result[asked] = table.together
    return result


def _numbered(keys: Ints) -> Ints:
    return np.asarray(np.unique(keys, return_inverse=True)[1], np.int64)
