"""The edge of the memory: what leaves it is counted into the past, and forgotten where nothing can follow it."""

import numpy as np

from associate.memory.memory import Memory
from associate.memory.past import faded

FOLLOWED = 0.5
"""Probability from which a link that leaves the memory is the one that its earlier tracklet has."""

AFTER_S = 60.0
"""Time beyond the longest travel time after which nothing follows a tracklet."""


def let_past(memory: Memory, now_s: float) -> None:
    """Move what has left the memory into the counts of the past."""
    window, pairs, progress, traffic = memory.window, memory.pairs, memory.progress, memory.traffic
    gone_s, latest_s = now_s - memory.memory_s, progress.now.learned_s - memory.memory_s
    left = window.shut & (window.closed_s <= gone_s)
    fresh = left & (window.closed_s > latest_s)
    if gone_s > 0:
        weight = float(faded(progress.modelled_s, now_s))
        elapsed_s = progress.now.past_elapsed_s * weight + gone_s - max(latest_s, 0.0)
        progress.advance(past_elapsed_s=elapsed_s)
    if fresh.any():
        traffic.add_past_alone(fresh, now_s)
    # What has stood in view for that long is settled: its pairs teach nothing, and keep nobody.
    stood = ~window.shut & window.settled & (window.opened_s <= gone_s)
    leaving = (left | stood)[pairs.later]
    if leaving.any():
        traffic.add_past_links(pairs.at(leaving & (pairs.share > 0)), now_s)
        # Their rows, too: else a restart would count them once more. And who was followed by one of them is not free
        # for another: nothing would be left that says so.
        followed = np.bincount(pairs.earlier[leaving], pairs.share[leaving], len(window)) > FOLLOWED
        memory.pairing.drop(leaving | followed[pairs.earlier])
    over = window.taken | (window.leave_s < now_s - traffic.topology.horizon_s - AFTER_S)
    needed = np.zeros(len(window), np.bool_)
    needed[memory.pairs.earlier] = True
    memory.forget(~(window.settled & left & over) | needed)
