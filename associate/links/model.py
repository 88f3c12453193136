"""What the stream has taught about links, as tables, and the log odds of a pair of tracklets by them.

The log odds that tracklet i is the predecessor of j, against i being gone (or not seen again yet) and j new, are

    log f(t)              travel time from i's view to j's, per second
    + log g               where i left and j entered, against both apart
    + log pi              share of the exits of i's camera that are seen next in j's
    - log u(now - leave)  probability that an exit is still unseen after that long
    - log lambda          rate of vehicles that are new in j's camera, per second
    + A                   appearance
    + N                   position of a fragment, in one camera

Every count leaves the pair out that is asked about, as far as it has been counted itself: without that, wrong links
prove themselves.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.gates import GateTable
from associate.links.pairs import PairTable, similarity
from associate.links.travel_times import Floats, Ints, TimeBins, smooth
from associate.links.window import Window

GATE_COUNT = 6.0
"""Links that the cameras' density counts for, for a pair of gates."""

BROAD_SHARE = 0.04
"""Share of the first density that always stays: somebody stops for petrol."""

GATES = 2**20
"""More than there are gates."""

LEAST_UNSEEN = 1e-3
STILL_OPEN = -50.0
"""Log odds of following a tracklet whose end, which would tell, has not come yet."""

CHAIN_WEIGHT = 0.5
"""Weight of a chain's earlier sighting in its similarity, times the probability of the links between."""

CHAIN_STEPS = 3
CHAINS_FROM = -6.0

ARRIVALS_FIRST, ARRIVALS_EAGER, ARRIVALS_FIRST_S = 1.0, 0.1, 20.0
EXITS_FIRST = 2.0
"""Counts that stand for what is believed before anything was seen: a new vehicle in 20 s, two exits a camera.

Learning believes in fewer new vehicles at first: where traffic is dense it would begin with too few links otherwise,
take the rest for new vehicles, and so find no more. Decisions are not that eager.
"""

EXPLORED = 0.01
"""Share of a camera's exits that learning supposes to lead to any one other camera, at least.

While a run is younger than a long way takes, nobody has been seen to go it; what is learned then makes links by that
way too improbable ever to be counted, and the way would stay unused for good.
"""

BY_CHANCE = 1.0
"""Links that decisions take off what has been counted from one camera to another: that much is found where no way is.

Components of a mixture that hardly anything stands for die by a deduction of half as many samples as they have numbers
(Figueiredo and Jain, IEEE Transactions on Pattern Analysis and Machine Intelligence 24(3), 2002, equation 17); of a
way that would be two. Neither learning nor the forming of pairs takes anything off.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Soft counts of C cameras, B bins, and K pairs of gates that have any; index 0 from leaving, 1 from entering.

    pairs: (2, C, C, B) travel times. gate_keys: (K,) rising, outgoing gate * GATES + incoming one. gates: (2, K, B).
    ends, arrivals: (C,) tracklets that nothing follows, and that follow nothing. elapsed_s: time they stand for.
    """

    pairs: Floats
    gate_keys: Ints
    gates: Floats
    ends: Floats
    arrivals: Floats
    elapsed_s: float


class LinkModel:
    """Densities and rates made from counts.

    broad: (2, C, C, B) densities before anything was seen; those of pairs without any road are zero.
    broad_count: (C, C) links that these count for.
    """

    def __init__(
        self, bins: TimeBins, counts: Counts, broad: Floats, broad_count: Floats, calibration: Calibration
    ) -> None:
        self.bins, self.counts, self.calibration = bins, counts, calibration
        self._broad_count = broad_count
        cameras = len(counts.ends)
        self.cameras = cameras
        apart = ~np.eye(cameras, dtype=bool)
        # Step 1: densities of camera pairs, from leaving or from entering, whichever is sharper
        self.links = counts.pairs[0].sum(-1)
        flat = counts.pairs.reshape(-1, bins.count)
        density, kernel = smooth(flat, bins)
        density, kernel = density.reshape(counts.pairs.shape), kernel.reshape(counts.pairs.shape[:-1])
        links = self.links[None, :, :, None]
        behind = broad_count[None, :, :, None]
        pair = (links * density + behind * broad) / (links + behind)
        told = np.einsum("kabt,kabt->kab", counts.pairs, np.log(pair + 1e-9))
        self.from_entering = (told[1] > told[0] + 2) & (self.links > 4) & apart
        which = np.where(self.from_entering, 1, 0)
        a, b = np.indices((cameras, cameras))
        self.density, self.kernel = density[which, a, b], kernel[which, a, b]
        self.broad, self.pair_density = broad[which, a, b], pair[which, a, b]
        # Step 2: densities of gate pairs
        gate_density, gate_kernel = smooth(counts.gates.reshape(-1, bins.count), bins)
        self.gate_density = gate_density.reshape(counts.gates.shape)
        self.gate_kernel = gate_kernel.reshape(counts.gates.shape[:-1])
        # Step 3: where exits lead to, and how often somebody is new
        self.possible = self.broad.any(-1)
        self.exits = self.links.sum(1) + counts.ends
        self.towards = np.where(self.possible, 1.0, 0.0) / np.maximum(self.possible.sum(1), 1)[:, None]
        share = (self.links + self.towards) / (self.exits + EXITS_FIRST)[:, None]
        self.end_share = (counts.ends + EXITS_FIRST - 1) / (self.exits + EXITS_FIRST)
        elapsed_s = counts.elapsed_s + ARRIVALS_FIRST_S
        self.arrival_rate = (counts.arrivals + ARRIVALS_FIRST) / elapsed_s
        self.eager_rate = (counts.arrivals + ARRIVALS_EAGER) / elapsed_s
        unseen = self.end_share[:, None] + np.einsum("ab,abt->at", share, 1 - bins.reached(self.pair_density))
        self.unseen = np.clip(unseen, LEAST_UNSEEN, 1.0)
        # Step 4: most that travel time can say of a pair, for leaving out hopeless ones
        with np.errstate(divide="ignore"):
            time = np.log(0.96 * self.pair_density + BROAD_SHARE * self.broad)
            explored = np.where(self.possible, np.maximum(share, EXPLORED), share)  # learning asks about these as well
            self.most = time + np.log(explored)[:, :, None] - np.log(self.arrival_rate)[None, :, None]

    def travel_s(self, window: Window, earlier: Ints, later: Ints) -> Floats:
        """Time (P,) that the pair's density is about: from leaving or from entering, seconds."""
        entering = self.from_entering[window.camera[earlier], window.camera[later]]
        begin = np.where(entering, window.enter_s[earlier], window.leave_s[earlier])
        return window.enter_s[later] - begin

    def log_odds(
        self, window: Window, pairs: PairTable, gate: GateTable, now_s: float, *, eager: bool = False
    ) -> "Terms":
        """The terms of P pairs at a moment; `eager` where they are learned from."""
        i, j = pairs.earlier, pairs.later
        a, b = window.camera[i], window.camera[j]
        shut = window.shut[i]
        own = pairs.share.astype(np.float64)
        bins = self.bins.of(self.travel_s(window, i, j))
        width = self.bins.widths_s[bins]
        # Step 1: travel time by cameras, without the pair itself
        links = np.maximum(self.links[a, b] - own, 0.0)
        counted = np.maximum(self.links[a, b] * self.density[a, b, bins] - own * self.kernel[a, b] / width, 0.0)
        believed = np.ones(len(pairs))
        if not eager:
            believed = np.where(a == b, 1.0, np.maximum(links - BY_CHANCE, 0.0) / np.maximum(links, 1e-9))
        links, counted = links * believed, counted * believed
        broad = self.broad[a, b, bins]
        behind = self._broad_count[a, b]
        density = (counted + behind * broad) / (links + behind)
        # Step 2: by gates, and how well the gates go together
        place, known = self._gate_places(window.gate_out[i], window.gate_in[j], shut & (a != b))
        together = np.zeros(len(pairs))
        if known.any():
            p = place[known]
            which = self.from_entering[a, b][known].astype(np.int64)
            total = self.counts.gates[0].sum(-1)[p]
            together[known] = np.maximum(total - own[known], 0.0) * believed[known]
            mine = own[known] * self.gate_kernel[which, p] / width[known]
            here = np.maximum(total * self.gate_density[which, p, bins[known]] - mine, 0.0) * believed[known]
            density[known] = (here + GATE_COUNT * density[known]) / (together[known] + GATE_COUNT)
        with np.errstate(divide="ignore"):
            time = np.log(np.maximum((1 - BROAD_SHARE) * density + BROAD_SHARE * broad, 1e-9 * (broad > 0)))
        time = np.where(shut | self.from_entering[a, b], time, STILL_OPEN)
        gates = np.zeros(len(pairs))
        between = np.flatnonzero(shut & (a != b))
        if len(between):
            base = gate.share[window.gate_out[i[between]]] * gate.share[window.gate_in[j[between]]]
            base = np.clip(base, 1e-4, 1.0)
            gates[between] = np.log((together[between] + GATE_COUNT * base) / (links[between] + GATE_COUNT) / base)
        # Step 3: where exits lead, how long one has been unseen, and how often somebody is new at that place
        exits = np.maximum(self.exits[a] - own, 0.0)
        towards = self.towards[a, b]
        if eager:
            towards = np.maximum(towards, np.where(towards > 0, EXPLORED * exits, 0.0))
        with np.errstate(divide="ignore"):
            share = np.log((links + towards) / (exits + EXITS_FIRST))
        waited = self.bins.of(np.maximum(now_s - window.left_s(now_s)[i], 0.0))
        unseen = self._unseen(window, i, waited, gate)
        rates = (
            share
            - np.log(unseen)
            - np.log(self._arrivals(window, j, gate, self.eager_rate if eager else self.arrival_rate))
        )
        nearness = pairs.nearness.astype(np.float64)
        return Terms(time, gates, rates, nearness, self._appearance(pairs))

    def _arrivals(self, window: Window, later: Ints, gate: GateTable, rate: Floats) -> Floats:
        """Rate (P,) of new vehicles per second where tracklets begin, over the share of all tracklets there.

        A tracklet that begins where nobody arrives, in the middle of a view, is hardly a new vehicle.
        """
        into, camera = window.gate_in[later], window.camera[later]
        total = self.counts.arrivals[camera]
        there = (gate.alone[into] + GATE_COUNT * gate.share[into]) / (total + GATE_COUNT)
        return np.asarray(rate[camera] * there / gate.share[into], np.float64)

    def _unseen(self, window: Window, earlier: Ints, waited: Ints, gate: GateTable) -> Floats:
        """Probability (P,) that nothing has followed tracklets for that long, by where they left."""
        camera, out = window.camera[earlier], window.gate_out[earlier]
        unseen, ends = self.unseen[camera, waited], self.end_share[camera]
        shut = out >= 0
        exits = self.exits[camera] * gate.share[out]
        here = np.minimum((gate.alone[out] + GATE_COUNT * ends) / (exits + GATE_COUNT), 1.0)
        going_on = (unseen - ends) / np.maximum(1 - ends, 1e-6)
        by_gate = np.clip(here + (1 - here) * going_on, LEAST_UNSEEN, 1.0)
        return np.asarray(np.where(shut, by_gate, unseen), np.float64)

    def with_chains(self, window: Window, pairs: PairTable, terms: "Terms") -> "Terms":
        """The terms with the similarity to chains, which is put into `pairs`, for pairs that are not hopeless."""
        hopeful = np.flatnonzero((terms.total > CHAINS_FROM) & ~window.settled[pairs.later])
        pairs.similarity[hopeful] = self._chain_similarity(window, pairs.at(hopeful))
        return replace(terms, appearance=self._appearance(pairs))

    def _chain_similarity(self, window: Window, pairs: PairTable) -> NDArray[np.float32]:
        """Mean similarity (P,) of a tracklet to the last sightings of the chain that it may follow.

        A mean, never a sum: adding sightings up would count one resemblance several times.
        """
        before, weight = window.before[pairs.earlier], window.probability[pairs.earlier].copy()
        total, mean = np.ones(len(pairs)), pairs.similarity.astype(np.float64)
        for _ in range(CHAIN_STEPS):
            there = np.flatnonzero((before >= 0) & (weight > 0.3))
            if not len(there):
                break
            mean[there] += CHAIN_WEIGHT * weight[there] * similarity(window, before[there], pairs.later[there])
            total[there] += CHAIN_WEIGHT * weight[there]
            weight[there] *= window.probability[before[there]]
            further = np.full(len(before), -1)
            further[there] = window.before[before[there]]
            before = further
        return (mean / total).astype(np.float32)

    def _appearance(self, pairs: PairTable) -> Floats:
        return self.calibration.term(pairs.similarity.astype(np.float64))

    def _gate_places(self, out: Ints, into: Ints, asked: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
        keys = gate_key(out, into)
        place = np.searchsorted(self.counts.gate_keys, keys)
        place = np.minimum(place, max(len(self.counts.gate_keys) - 1, 0))
        if not len(self.counts.gate_keys):
            return place, np.zeros(len(keys), np.bool_)
        return place, asked & (self.counts.gate_keys[place] == keys)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The terms (P,) of log odds: travel time, gates, rates (shares, waiting, arrivals), nearness, appearance."""

    time: Floats
    gates: Floats
    rates: Floats
    nearness: Floats
    appearance: Floats

    @property
    def total(self) -> Floats:
        return self.time + self.gates + self.rates + self.nearness + self.appearance


def gate_key(out: Ints, into: Ints) -> Ints:
    """A number for a pair of gates."""
    return np.asarray(out * GATES + into, np.int64)
