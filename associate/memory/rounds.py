"""Rounds of learning: probabilities of the pairs in memory by the model, and the model by the probabilities."""

import numpy as np

from associate.links import learning
from associate.links.whitening import FROM_PROBABILITY, LATEST
from associate.memory.leaving import let_past
from associate.memory.memory import Memory

LEARN_FROM_S, LEARN_SOON_S, LEARN_AFTER, LEARN_EVERY_S = 20.0, 2.0, 0.1, 10.0
YOUNG_S, ROUNDS_YOUNG, ROUNDS = 600.0, 4, 2
"""Learning begins after 20 s: less shows too little of dense traffic. It comes again 2 to 10 s later, after a tenth of
the time there has been or when a tenth of the tracklets are new, with more rounds in the first minutes: there every
round sharpens what the next one goes by.
"""
JUDGED = 400_000
"""Pairs that are judged in one learning: with more, the rounds are fewer."""

FEWEST_PAIRS = 5


def is_due(memory: Memory, now_s: float) -> bool:
    """Check whether the model is to be made anew."""
    learned_s, window = memory.progress.now.learned_s, memory.window
    if learned_s < 0:
        return now_s >= LEARN_FROM_S
    if now_s >= learned_s + float(np.clip(LEARN_AFTER * learned_s, LEARN_SOON_S, LEARN_EVERY_S)):
        return True
    new = np.count_nonzero(window.shut & (window.closed_s > learned_s))
    return now_s >= learned_s + LEARN_SOON_S and bool(new > LEARN_AFTER * np.count_nonzero(window.shut))


def learn(memory: Memory, now_s: float) -> None:
    """Judge all links in memory again with what is known now, and count them anew."""
    let_past(memory, now_s)
    window, pairs, traffic = memory.window, memory.pairs, memory.traffic
    shut = window.shut
    asked = np.flatnonzero(shut[pairs.earlier] & shut[pairs.later])
    memory.progress.advance(learned_s=now_s)
    if len(asked) < FEWEST_PAIRS:
        traffic.remodel()
        return
    remembered = shut & (window.closed_s > now_s - memory.memory_s)
    before, examples = (pairs.share.copy(), pairs.together.copy()), learning.examples_of(window)
    # Probabilities by the model, the model by the probabilities
    rounds = ROUNDS if now_s > YOUNG_S else ROUNDS_YOUNG
    for _ in range(min(rounds, max(1, JUDGED // len(asked)))):
        judged = pairs.at(asked)
        bound = memory.pairing.bound(judged)
        share = learning.probable(memory.model, window, judged, traffic.gate_table(), now_s, bound)
        pairs.share[:] = 0
        pairs.share[asked] = np.round(share, 3)
        traffic.recount(pairs.at(asked), remembered, examples, now_s)
    traffic.compare_cameras()
    changed = (pairs.share != before[0]) | (pairs.together != before[1])
    memory.pairing.store(np.unique(pairs.later[changed]))
    _whiten(memory, now_s)


def _whiten(memory: Memory, now_s: float) -> None:
    """Learn how sightings of one vehicle differ, from the probable links between cameras."""
    window, pairs, tracklets = memory.window, memory.pairs, memory.tracklets
    between = window.camera[pairs.earlier] != window.camera[pairs.later]
    probable = pairs.at((pairs.share >= FROM_PROBABILITY) & between)
    for encoder, index in sorted(tracklets.encoders.items()):
        if not tracklets.whitening.due(encoder, now_s):
            continue
        own = probable.at(np.flatnonzero(window.encoder[probable.later] == index)[-LATEST:])
        if len(own):
            differences = tracklets.centred(own.earlier) - tracklets.centred(own.later)
            tracklets.whitening.learn(encoder, differences, now_s)
