"""Decisions of a slot: which tracklet follows which, over all that may still be revised."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from associate.joins import join_chains
from associate.links.model import Terms
from associate.links.pairs import PairTable, joined, similarity
from associate.links.platoons import PROBABLE, with_platoons
from associate.links.probabilities import best_links, link_probabilities
from associate.links.travel_times import Floats, Ints
from associate.memory.memory import Memory
from associate.trajectory import Evidence

HOPELESS = -7.0
"""Log odds below which a pair is left out."""

PLATOON_TURNS = 2
"""Times that what platoons say is asked for, by the probabilities of the time before."""


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Decisions about the N tracklets of the window that may still be revised.

    before: (N,) place of the tracklet that each follows, -1 for none. probability: (N,) of that link. new: (N,) that
    each follows nothing. pairs, at, terms, probabilities: the Q pairs that were compared, with their places in the
    memory's table; pair: (N,) which of them was chosen, -1 for none. settled: places of chains that were joined, as in
    `Joins`.
    """

    before: Ints
    probability: Floats
    new: Floats
    pairs: PairTable
    at: Ints
    terms: Terms
    probabilities: Floats
    pair: Ints
    settled: list[list[int]]

    def rivals(self, place: int) -> tuple[Ints, Floats]:
        """Places of the tracklets that one may follow, and the probabilities."""
        first, end = np.searchsorted(self.pairs.later, [place, place + 1])
        return self.pairs.earlier[first:end], self.probabilities[first:end]


def decide(memory: Memory, min_probability: float, now_s: float) -> Decisions:
    """Assign predecessors one to one; links less probable than `min_probability` are left out."""
    window, model = memory.window, memory.model
    # Step 1: pairs of which both ends are free, with their log odds
    free = ~window.settled[memory.pairs.later] & ~window.taken[memory.pairs.earlier]
    at, pairs = np.flatnonzero(free), memory.pairs.at(free)
    alone = model.with_chains(window, pairs, model.log_odds(window, pairs, memory.traffic.gate_table(), now_s))
    # Step 2: probabilities, each tracklet by itself at first and then with its platoon; the best one-to-one assignment
    bound, others = memory.pairing.bound(pairs), memory.pairs.at(~free & (memory.pairs.share > PROBABLE))
    terms, probabilities = alone, _probabilities(alone.total + bound, pairs)
    for _ in range(PLATOON_TURNS):
        likely = replace(pairs, share=probabilities.astype(np.float32))
        terms = with_platoons(model, window, joined([others, likely]), pairs, alone)
        probabilities = _probabilities(terms.total + bound, pairs)
    odds = terms.total + bound
    hopeful = np.flatnonzero(odds > HOPELESS)
    chosen = hopeful[best_links(odds[hopeful], pairs.later[hopeful], pairs.earlier[hopeful])]
    # Step 3: the dial
    chosen = chosen[probabilities[chosen] >= min_probability]
    count = len(window)
    before, pair = np.full(count, -1), np.full(count, -1)
    probability = np.zeros(count)
    before[pairs.later[chosen]] = pairs.earlier[chosen]
    probability[pairs.later[chosen]] = probabilities[chosen]
    pair[pairs.later[chosen]] = chosen
    new = np.asarray(np.clip(1 - np.bincount(pairs.later, probabilities, count), 0.0, 1.0), np.float64)
    # Step 4: chains that are one vehicle
    joins = join_chains(memory, before, probability, min_probability, now_s)
    pair[joins.before != before] = -1
    before, probability = joins.before, joins.probability
    new = np.round(new * (1 - joins.doubt), 4)
    return Decisions(before, probability, new, pairs, at, terms, probabilities, pair, joins.settled)


def _probabilities(log_odds: Floats, pairs: PairTable) -> Floats:
    """Probability (P,) of each pair, rounded so that decisions are the same everywhere; hopeless ones have none."""
    hopeful = np.flatnonzero(log_odds > HOPELESS)
    probabilities = np.zeros(len(pairs))
    found = link_probabilities(log_odds[hopeful], pairs.later[hopeful], pairs.earlier[hopeful])
    probabilities[hopeful] = np.round(found, 4)
    return probabilities


def evidence_of(
    decisions: Decisions, memory: Memory, place: int, identity_of: NDArray[np.int64], zone: str
) -> Evidence:
    """The reasons of the decision about one tracklet, rounded for the wire."""
    rivals, probabilities = decisions.rivals(place)
    best: dict[int, float] = {}
    for rival, probability in zip(identity_of[rivals].tolist(), probabilities.tolist(), strict=True):
        if rival >= 0:
            best[rival] = max(best.get(rival, 0.0), probability)
    pair, followed = int(decisions.pair[place]), int(decisions.before[place])
    if pair < 0 and followed >= 0:
        return _evidence_of_join(decisions, memory, place, followed)
    if pair < 0:
        probability = float(decisions.new[place])
        runner_up = max(best, key=lambda number: (best[number], -number), default=None)
        return Evidence(
            probability=round(probability, 4),
            runner_up=None if runner_up is None else f"{zone}-{runner_up}",
            margin=None if runner_up is None else round(probability - best[runner_up], 4),
        )
    earlier = decisions.pairs.earlier[pair]
    probability = float(decisions.probability[place])
    best.pop(int(identity_of[earlier]), None)
    runner_up = max(best, key=lambda number: (best[number], -number), default=None)
    terms, window = decisions.terms, memory.window
    return Evidence(
        probability=round(probability, 4),
        similarity=round(float(decisions.pairs.similarity[pair]), 4),
        appearance=round(float(terms.appearance[pair]), 4),
        travel_time=round(float(terms.time[pair] + terms.gates[pair]), 4),
        travel_s=round(float(window.enter_s[place] - window.left_s(window.enter_s[place])[earlier]), 3),
        runner_up=None if runner_up is None else f"{zone}-{runner_up}",
        margin=None if runner_up is None else round(probability - best[runner_up], 4),
        topology=round(float(terms.rates[pair]), 4),
        position=round(float(terms.nearness[pair]), 4) if terms.nearness[pair] else None,
    )


def _evidence_of_join(decisions: Decisions, memory: Memory, place: int, followed: int) -> Evidence:
    """The reasons for following a tracklet of a chain that was joined: there is no one pair that it is due to."""
    window = memory.window
    alike = similarity(window, np.array([followed]), np.array([place]))
    return Evidence(
        probability=round(float(decisions.probability[place]), 4),
        similarity=round(float(alike[0]), 4),
        travel_s=round(float(window.enter_s[place] - window.left_s(window.enter_s[place])[followed]), 3),
    )
