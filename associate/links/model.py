"""What the stream has taught about links, as tables, and the log odds of a pair of tracklets by them.

The log odds that tracklet i is the predecessor of j, against i being gone (or not seen again yet) and j new, are

    log f(t)              travel time from i's view to j's, per second; then by those around (platoons.py)
    + log g               where i left and j entered, against both apart
    + log pi              share of the exits of i's camera that are seen next in j's
    - log u(now - leave)  probability that an exit is still unseen after that long
    - log lambda          rate of vehicles that are new in j's camera, per second
    + A                   appearance
    + N                   position of a fragment, in one camera

What is counted of a way and of its gates leaves out what the two tracklets that are asked about have counted there
themselves, densities the pair itself: without that, wrong links prove themselves.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.counts import Counts
from associate.links.densities import GATE_COUNT, TravelDensities
from associate.links.gates import GateTable
from associate.links.pairs import PairTable, similarity
from associate.links.travel_times import Floats, Ints, TimeBins, TravelPriors
from associate.links.window import Window

LEAST_UNSEEN = 1e-3
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


class LinkModel:
    """Densities and rates made from counts, by C cameras.

    travel: densities of travel times. known: (C, C) ways that were counted, given by hand, or are within one camera.
    """

    def __init__(self, bins: TimeBins, counts: Counts, priors: TravelPriors, calibration: Calibration) -> None:
        self.bins, self.counts, self.calibration = bins, counts, calibration
        self.travel, self.links = TravelDensities(bins, counts, priors), counts.links
        self.cameras = len(counts.ends)
        # Step 1: where exits lead to, and how often somebody is new
        possible = priors.possible
        ways = np.maximum(possible.sum(1), 1)
        self.known = (self.links >= KNOWN) | priors.given | np.eye(self.cameras, dtype=np.bool_)
        self.exits = self.links.sum(1) + counts.ends
        self.towards = np.where(possible, 1.0, 0.0) / ways[:, None]
        self.explored = np.where(possible, np.minimum(EXPLORED, EXPLORED_TOGETHER / ways)[:, None], 0.0)
        share = (self.links + self.towards) / (self.exits + EXITS_FIRST)[:, None]
        self.end_share = (counts.ends + EXITS_FIRST - 1) / (self.exits + EXITS_FIRST)
        elapsed_s = counts.elapsed_s + ARRIVALS_FIRST_S
        self.arrival_rate = (counts.arrivals + ARRIVALS_FIRST) / elapsed_s
        self.eager_rate = (counts.arrivals + ARRIVALS_EAGER) / elapsed_s
        unseen = self.end_share[:, None] + self.travel.not_reached(share)
        self._unseen_after = np.clip(unseen, LEAST_UNSEEN, 1.0)
        # Step 2: most that they can say of a pair, for leaving out hopeless ones
        with np.errstate(divide="ignore"):
            explored = np.maximum(share, self.explored)  # learning asks about these as well
            self._most_rate = np.log(explored) - np.log(self.arrival_rate)

    def most(self, a: Ints, b: Ints, bins: tuple[Ints, Ints]) -> Floats:
        """The most (P,) that travel time and rates can say of pairs of cameras, by times from leaving and entering."""
        return np.asarray(self.travel.most(a, b, bins) + self._most_rate[a, b], np.float64)

    def most_ever(self, a: Ints, b: Ints) -> Floats:
        """The most that they can say at any time."""
        return np.asarray(self.travel.most_ever(a, b) + self._most_rate[a, b], np.float64)

    def unseen_after(self, cameras: Ints, bins: Ints) -> Floats:
        """Probability (P,) that an exit of a camera has not been followed after that long."""
        return np.asarray(self._unseen_after[cameras, bins], np.float64)

    def log_odds(
        self, window: Window, pairs: PairTable, gate: GateTable, now_s: float, *, eager: bool = False
    ) -> "Terms":
        """The terms of P pairs at a moment; `eager` where they are learned from."""
        i, j = pairs.earlier, pairs.later
        a, b = window.camera[i], window.camera[j]
        others = self.travel.others(window, pairs, eager=eager)
        # Step 1: travel time, and how well the gates go together
        time = self.travel.log_density(window, pairs, others)
        gates = np.zeros(len(pairs))
        between = np.flatnonzero(window.shut[i] & (a != b))
        if len(between):
            base = gate.share[window.gate_out[i[between]]] * gate.share[window.gate_in[j[between]]]
            base = np.clip(base, 1e-4, 1.0)
            together, links = others.together[between], others.links[between]
            gates[between] = np.log((together + GATE_COUNT * base) / (links + GATE_COUNT) / base)
        # Step 2: where exits lead, how long one has been unseen, and how often somebody is new at that place
        exits = np.maximum(self.exits[a] - others.of_both, 0.0)
        towards = self.towards[a, b]
        if eager:
            towards = np.maximum(towards, self.explored[a, b] * exits)
        with np.errstate(divide="ignore"):
            share = np.log((others.links + towards) / (exits + EXITS_FIRST))
        waited = self.bins.of(np.maximum(now_s - window.left_s(now_s)[i], 0.0))
        unseen = self._unseen(window, i, waited, gate)
        rate = self.eager_rate if eager else self.arrival_rate
        rates = share - np.log(unseen) - np.log(self._arrivals(window, j, gate, rate))
        return Terms(time, gates, rates, pairs.nearness.astype(np.float64), self._appearance(pairs))

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
