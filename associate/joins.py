"""Joins: chains that two cameras by themselves show to be one vehicle are put into one, in order of entering.

Links say whom a tracklet follows next. A vehicle that is linked from a first view to a third leaves the second one
alone; what the second and the third have in common (links/two_cameras.py) brings it back.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from associate.links.counts import SIDES, key_of
from associate.links.pairs import PairTable, similarity
from associate.links.travel_times import Floats, Ints
from associate.links.two_cameras import near
from associate.links.window import Window
from associate.memory.memory import Memory

LATE_S = 60.0
"""Time after its end for which a sighting may show that two chains are one: what comes later is less often right."""

COMPARED = 6
"""Sightings of a chain, those nearest in time, whose looks are compared with the other chain's."""

AT_ONCE_S, APART_S = 0.3, 3.0
"""Longest overlap, and gap, of two sightings of a vehicle by one camera: fragments of a stay touch."""


@dataclass(frozen=True, slots=True, eq=False)
class Joins:
    """Decisions after joins: before (N,) and probability (N,); doubt: (N,) probability of a near one being the same.

    settled: places of each chain that was joined, in order of entering, up to the last that is settled: they stay one.
    """

    before: Ints
    probability: Floats
    doubt: Floats
    settled: list[list[int]]


def join_chains(memory: Memory, before: Ints, probability: Floats, min_probability: float, now_s: float) -> Joins:
    """Join the chains of the decided links, those of settled identities as well; what is one stays one."""
    window = memory.window
    probability = probability.copy()
    if memory.progress.now.learned_s < 0:
        return Joins(before, probability, np.zeros(len(window)), [])
    # Step 1: pairs that two cameras find probable, where both are settled by what was learned last
    at = near(window, memory.pairs)
    pairs = memory.pairs.at(at[window.closed_s[memory.pairs.later[at]] > now_s - LATE_S])
    calibration = memory.model.calibration
    likely = pairs.together.astype(np.float64)
    asked = np.flatnonzero(~(window.settled[pairs.later] & window.settled[pairs.earlier]))
    likely[asked] = np.round(memory.traffic.two_cameras.probable(window, pairs.at(asked), calibration), 3)
    likely[memory.pairing.bound(pairs) < 0] = 0.0
    doubt = _known_nearby(window, pairs, likely)
    hopeful = np.flatnonzero(likely >= min_probability)
    if not len(hopeful):
        return Joins(before, probability, doubt, [])
    # Step 2: the most probable first, where looks of all of both chains agree and each fits between the other's
    chains = Chains(memory, np.where(window.settled, window.before, before))
    hopeful = hopeful[chains.of[pairs.earlier[hopeful]] != chains.of[pairs.later[hopeful]]]
    hopeful = hopeful[np.lexsort((hopeful, -likely[hopeful]))]
    pairs, odds = pairs.at(hopeful), np.clip(likely[hopeful], 1e-3, 1 - 1e-3)
    without_looks = np.log(odds / (1 - odds)) - calibration.term(pairs.similarity.astype(np.float64))
    for pair in range(len(pairs)):
        one, other = (chains.of[int(side[pair])] for side in (pairs.earlier, pairs.later))
        if one == other or not chains.fit(one, other):
            continue
        alike = chains.alike(one, other, float(window.enter_s[pairs.later[pair]]))
        log_odds = without_looks[pair] + calibration.term(np.array([alike]))[0]
        sure = float(np.round(1 / (1 + np.exp(-log_odds)), 4))
        if sure >= min_probability:
            for place in chains.join(one, other):
                probability[place] = sure
    return Joins(chains.follows, probability, doubt, chains.settled())


def _known_nearby(window: Window, pairs: PairTable, likely: Floats) -> Floats:
    """The probability (N,) that some camera has seen each tracklet's vehicle just before.

    A camera has one partner of it at most, so that the probabilities of its pairs add up; cameras err by themselves.
    """
    keys, which = np.unique(key_of(pairs.later, window.camera[pairs.earlier]), return_inverse=True)
    unseen = 1 - np.minimum(np.bincount(which, likely, len(keys)), 1.0)
    by_none = np.ones(len(window))
    np.multiply.at(by_none, keys // SIDES, unseen)
    return 1 - by_none


class Chains:
    """Chains of tracklets by place. of: (N,) number of each tracklet's. follows: (N,) whom each follows."""

    def __init__(self, memory: Memory, follows: Ints) -> None:
        window = self._window = memory.window
        self._possible, self.follows = memory.traffic.possible, follows
        # Step 1: the first of each chain, by halving the way to it
        first = np.arange(len(window))
        self.of = np.where(follows >= 0, follows, first)
        while (further := self.of[self.of] != self.of).any():
            self.of = np.where(further, self.of[self.of], self.of)
        # Step 2: who came before a settled first one may have been forgotten; its identity has not
        begins = np.flatnonzero((follows < 0) & window.settled)
        _, known, which = np.unique(window.identity[begins], return_index=True, return_inverse=True)
        first[begins] = begins[known[which]]
        self.of = first[self.of]
        # Step 3: who is in each, in order of entering
        self._order = np.lexsort((window.number, window.enter_s, self.of))
        self._begins = np.searchsorted(self.of[self._order], np.arange(len(window) + 1))
        self._joined: dict[int, list[int]] = {}
        self._parted = [
            (window.place_of.get(bond.earlier, -1), window.place_of.get(bond.later, -1))
            for bond in memory.pairing.bonds
            if not bond.same
        ]

    def fit(self, one: int, other: int) -> bool:
        """Check that a vehicle may have made both.

        No camera sees both at once, or one now and one later, nobody has said that they differ or that no road leads
        from one sighting to the next, neither was closed, and what stands before a settled one has ended.
        """
        window, mine, theirs = self._window, self._members(one), self._members(other)
        i, j = _each_with_each(mine, theirs)
        same = window.camera[i] == window.camera[j]
        together_s = np.minimum(window.leave_s[i], window.leave_s[j]) - np.maximum(window.enter_s[i], window.enter_s[j])
        # A vehicle passes a view once, but for fragments of its stay: who came again is linked, not joined.
        if (same & ((together_s > AT_ONCE_S) | (together_s < -APART_S))).any():
            return False
        both = {*mine, *theirs}
        if any(first in both and second in both for first, second in self._parted):
            return False
        # The end of a chain is taken where its identity was closed.
        if window.taken[mine[-1]] or window.taken[theirs[-1]]:
            return False
        # What stands before a settled one is settled with it.
        order = self._in_order(one, other)
        if not window.shut[order[: self._settled_part(order)]].all():
            return False
        return all(self._may_follow(before, place) for before, place in itertools.pairwise(order))

    def settled(self) -> list[list[int]]:
        """The places of each joined chain up to its last settled one, of those that have any."""
        parts = [order[: self._settled_part(order)] for order in self._joined.values()]
        return [part for part in parts if part]

    def _settled_part(self, order: list[int]) -> int:
        """Number of places of a chain up to the last settled one."""
        settled = np.flatnonzero(self._window.settled[order])
        return int(settled[-1]) + 1 if len(settled) else 0

    def _may_follow(self, before: int, place: int) -> bool:
        camera = self._window.camera
        return bool(self.follows[place] == before or self._possible[camera[before], camera[place]])

    def alike(self, one: int, other: int, at_s: float) -> float:
        """Mean similarity of the sightings of two chains around a moment before different cameras."""
        window = self._window
        sides = [
            sorted(self._members(each), key=lambda place: (abs(window.enter_s[place] - at_s), place))[:COMPARED]
            for each in (one, other)
        ]
        i, j = _each_with_each(*sides)
        apart = (window.camera[i] != window.camera[j]) & (window.encoder[i] == window.encoder[j])
        if not apart.any():
            return -1.0
        return float(similarity(window, i[apart], j[apart]).mean())

    def join(self, one: int, other: int) -> list[int]:
        """Put two chains into one; returns the places that follow another one than before."""
        order, changed = self._in_order(one, other), []
        for before, place in zip([-1, *order[:-1]], order, strict=True):
            self.of[place] = one
            if self.follows[place] != before:
                self.follows[place] = before
                changed.append(place)
        self._joined[one] = order
        self._joined.pop(other, None)
        return changed

    def _members(self, chain: int) -> list[int]:
        """The places of a chain in order of entering."""
        if chain in self._joined:
            return self._joined[chain]
        members: list[int] = self._order[self._begins[chain] : self._begins[chain + 1]].tolist()
        return members

    def _in_order(self, one: int, other: int) -> list[int]:
        window = self._window
        return sorted(
            [*self._members(one), *self._members(other)],
            key=lambda place: (window.enter_s[place], window.number[place]),
        )


def _each_with_each(mine: list[int], theirs: list[int]) -> tuple[Ints, Ints]:
    return np.repeat(np.array(mine), len(theirs)), np.tile(np.array(theirs), len(mine))
