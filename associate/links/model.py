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
from scipy.sparse import csr_array

from associate.links.appearance import Calibration
from associate.links.counts import PairCounts
from associate.links.gates import GateTable
from associate.links.pairs import PairTable, similarity
from associate.links.travel_times import Floats, Ints, TimeBins, TravelPriors, smooth
from associate.links.window import Window

GATE_COUNT = 6.0
"""Links that the cameras' density counts for, for a pair of gates."""

BROAD_SHARE = 0.04
"""Share of the first density that always stays: somebody stops for petrol."""

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

EXPLORED, EXPLORED_TOGETHER = 0.01, 0.1
"""Shares of a camera's exits that learning supposes to lead to any one other camera, and to all, at least.

While a run is younger than a long way takes, nobody has been seen to go it; what is learned then makes links by that
way too improbable ever to be counted, and the way would stay unused for good.
"""

KNOWN = 1.0
"""Links from which on a way from one camera to another is known."""

BY_CHANCE = 1.0
"""Links that decisions take off what has been counted from one camera to another: that much is found where no way is.

Components of a mixture that hardly anything stands for die by a deduction of half as many samples as they have numbers
(Figueiredo and Jain, IEEE Transactions on Pattern Analysis and Machine Intelligence 24(3), 2002, equation 17); of a
way that would be two. Neither learning nor the forming of pairs takes anything off.
"""


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


class LinkModel:
    """Densities and rates made from counts, by C cameras.

    known: (C, C) ways that were counted, given by hand, or are within one camera. Densities are rows (R, B): first
    those of the priors, for all pairs of cameras of which nothing has been counted, then one a pair that has counts;
    `row` (C, C) says which.
    """

    def __init__(self, bins: TimeBins, counts: Counts, priors: TravelPriors, calibration: Calibration) -> None:
        self.bins, self.counts, self.calibration = bins, counts, calibration
        self.links, self._prior_count = counts.links, priors.count
        self.cameras = cameras = len(counts.ends)
        apart = ~np.eye(cameras, dtype=np.bool_)
        # Step 1: densities of camera pairs, from leaving or from entering, whichever is sharper
        a, b = counts.cameras.sides
        own, links = counts.cameras.counts, self.links[a, b]
        density, kernel = _smoothed(counts.cameras, bins)
        behind, prior = priors.count[a, b][:, None], priors.densities[priors.which[a, b]]
        pair = (links[:, None] * density + behind * prior) / (links[:, None] + behind)
        fit = np.einsum("kpt,kpt->kp", own, np.log(pair + 1e-9))
        entering = (fit[1] > fit[0] + 2) & (links > 4) & (a != b)
        self.from_entering = np.zeros((cameras, cameras), np.bool_)
        self.from_entering[a, b] = entering
        which, place, given = entering.astype(np.int64), np.arange(len(a)), priors.densities
        self.row = priors.which.copy()
        self.row[a, b] = len(given) + place
        self._density = np.concatenate([given, density[which, place]])
        self._kernel = np.concatenate([np.zeros(len(given)), kernel[which, place]])
        self._prior = np.concatenate([given, prior])
        self._pair_density = np.concatenate([given, pair[which, place]])
        # Step 2: densities of gate pairs
        self._gate_density, self._gate_kernel = _smoothed(counts.gates, bins)
        self._gate_links = counts.gates.links
        # Step 3: where exits lead to, and how often somebody is new
        possible = (given.max(-1) > 0)[priors.which]
        ways = np.maximum(possible.sum(1), 1)
        self.known = (self.links >= KNOWN) | priors.given | ~apart
        self.exits = self.links.sum(1) + counts.ends
        self.towards = np.where(possible, 1.0, 0.0) / ways[:, None]
        self.explored = np.where(possible, np.minimum(EXPLORED, EXPLORED_TOGETHER / ways)[:, None], 0.0)
        share = (self.links + self.towards) / (self.exits + EXITS_FIRST)[:, None]
        self.end_share = (counts.ends + EXITS_FIRST - 1) / (self.exits + EXITS_FIRST)
        elapsed_s = counts.elapsed_s + ARRIVALS_FIRST_S
        self.arrival_rate = (counts.arrivals + ARRIVALS_FIRST) / elapsed_s
        self.eager_rate = (counts.arrivals + ARRIVALS_EAGER) / elapsed_s
        unseen = self.end_share[:, None] + self._not_reached(share)
        self._unseen_after = np.clip(unseen, LEAST_UNSEEN, 1.0)
        # Step 4: most that travel time can say of a pair, for leaving out hopeless ones
        with np.errstate(divide="ignore"):
            self._most_time = np.log((1 - BROAD_SHARE) * self._pair_density + BROAD_SHARE * self._prior)
            explored = np.maximum(share, self.explored)  # learning asks about these as well
            self._most_rate = np.log(explored) - np.log(self.arrival_rate)
        self._most_ever = self._most_time.max(-1)[self.row] + self._most_rate

    def _not_reached(self, share: Floats) -> Floats:
        """Probability (C, B) of being on the way to some camera still, with shares (C, C) of exits."""
        later = 1 - self.bins.reached(self._pair_density)
        weight = np.zeros((self.cameras, len(later)))
        np.add.at(weight, (np.arange(self.cameras)[:, None], self.row), share)
        return np.asarray(csr_array(weight) @ later, np.float64)

    # By pairs of cameras (P,)

    def most(self, a: Ints, b: Ints, bins: Ints) -> Floats:
        """The most that travel time and rates can say of pairs (P,)."""
        return np.asarray(self._most_time[self.row[a, b], bins] + self._most_rate[a, b], np.float64)

    def most_ever(self, a: Ints, b: Ints) -> Floats:
        """The most that they can say at any time."""
        return np.asarray(self._most_ever[a, b], np.float64)

    def pair_density(self, a: Ints, b: Ints, bins: Ints) -> Floats:
        """Density per second of travel times: of what was counted with the prior, and a little of the prior alone."""
        row = self.row[a, b]
        counted, prior = self._pair_density[row, bins], self._prior[row, bins]
        return np.asarray((1 - BROAD_SHARE) * counted + BROAD_SHARE * prior, np.float64)

    def unseen_after(self, cameras: Ints, bins: Ints) -> Floats:
        """Probability (P,) that an exit of a camera has not been followed after that long."""
        return np.asarray(self._unseen_after[cameras, bins], np.float64)

    def densest(self, a: Ints, b: Ints) -> Floats:
        """The greatest density of any time."""
        return np.asarray(self._pair_density.max(-1)[self.row[a, b]], np.float64)

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
        row, links = self.row[a, b], self.links[a, b]
        counted = np.maximum(links * self._density[row, bins] - own * self._kernel[row] / width, 0.0)
        links = np.maximum(links - own, 0.0)
        believed = np.ones(len(pairs))
        if not eager:
            believed = np.where(a == b, 1.0, np.maximum(links - BY_CHANCE, 0.0) / np.maximum(links, 1e-9))
        links, counted = links * believed, counted * believed
        broad = self._prior[row, bins]
        behind = self._prior_count[a, b]
        density = (counted + behind * broad) / (links + behind)
        # Step 2: by gates, and how well the gates go together
        place, known = self.counts.gates.find(window.gate_out[i], window.gate_in[j])
        known &= shut & (a != b)
        together = np.zeros(len(pairs))
        if known.any():
            p = place[known]
            which = self.from_entering[a, b][known].astype(np.int64)
            total = self._gate_links[p]
            together[known] = np.maximum(total - own[known], 0.0) * believed[known]
            mine = own[known] * self._gate_kernel[which, p] / width[known]
            here = np.maximum(total * self._gate_density[which, p, bins[known]] - mine, 0.0) * believed[known]
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
            towards = np.maximum(towards, self.explored[a, b] * exits)
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
        unseen, ends = self.unseen_after(camera, waited), self.end_share[camera]
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


def _smoothed(counted: PairCounts, bins: TimeBins) -> tuple[Floats, Floats]:
    """Densities (2, K, B) and kernels at their centres (2, K) of counts."""
    density, kernel = smooth(counted.counts.reshape(-1, bins.count), bins)
    return density.reshape(counted.counts.shape), kernel.reshape(counted.counts.shape[:-1])
