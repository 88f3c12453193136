"""Soft counts of links by pairs: of cameras, and of the gates where vehicles leave and enter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.links.travel_times import Floats, Ints, TimeBins

SIDES = 2**20
"""More than there are cameras or gates: a pair's key is its first side times this plus its second."""

LEAST_LINKS = 0.1
"""Links of a pair from which its travel times are counted: of a hundred cameras most pairs have a thousandth."""


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """Travel times of K pairs that have links.

    keys: (K,) rising. counts: (2, K, B) soft counts, index 0 from leaving, 1 from entering.
    """

    keys: Ints
    counts: Floats

    @staticmethod
    def none(bins: int) -> "PairCounts":
        return PairCounts(np.zeros(0, np.int64), np.zeros((2, 0, bins)))

    @property
    def sides(self) -> tuple[Ints, Ints]:
        """The first and the second of each pair (K,)."""
        return self.keys // SIDES, self.keys % SIDES

    @property
    def links(self) -> Floats:
        """Links (K,) of each pair."""
        return np.asarray(self.counts[0].sum(-1), np.float64)

    def find(self, first: Ints, second: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The places (P,) of pairs, and which of them are there at all."""
        keys = key_of(first, second)
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place, self.keys[place] == keys

    def at(self, places: Ints | NDArray[np.bool_]) -> "PairCounts":
        """Some of the pairs."""
        return PairCounts(self.keys[places], self.counts[:, places])

    def plus(self, other: "PairCounts") -> "PairCounts":
        """The counts of both."""
        keys = np.union1d(self.keys, other.keys)
        counts = np.zeros((2, len(keys), self.counts.shape[-1]))
        for each in (self, other):
            counts[:, np.searchsorted(keys, each.keys)] += each.counts
        return PairCounts(keys, counts)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Soft counts of C cameras and of G gates.

    links: (C, C) from camera to camera. cameras, gates: travel times, by pair of cameras and of an outgoing gate and
    an incoming one. ends, arrivals: (C,) tracklets that nothing follows, and that follow nothing. elapsed_s: time they
    stand for.
    """

    links: Floats
    cameras: PairCounts
    gates: PairCounts
    ends: Floats
    arrivals: Floats
    elapsed_s: float


def key_of(first: Ints, second: Ints) -> Ints:
    """A number for a pair."""
    return np.asarray(first * SIDES + second, np.int64)


def count_times(
    keys: Ints, times_s: tuple[Floats, Floats], weights: Floats, bins: TimeBins, among: Ints | None = None
) -> PairCounts:
    """Count travel times: of each link a pair's key, its times from leaving and from entering (P,), and its weight.

    among: rising keys; others are not counted. Without it, all that occur.
    """
    if among is None:
        among, place = np.unique(keys, return_inverse=True)
    else:
        place = np.minimum(np.searchsorted(among, keys), max(len(among) - 1, 0))
        known = among[place] == keys if len(among) else np.zeros(len(keys), np.bool_)
        place, weights = place[known], weights[known]
        times_s = times_s[0][known], times_s[1][known]
    size = len(among) * bins.count
    counts = [np.bincount(place * bins.count + bins.of(each), weights, size) for each in times_s]
    return PairCounts(among, np.stack(counts).reshape(2, len(among), bins.count).astype(np.float64))
