"""Probabilities and decisions over links between tracklets, each end in one link at most."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from associate.links.travel_times import Floats, Ints

MOST = 30.0
"""Log odds beyond which nothing is more certain; keeps exponentials finite."""


def link_probabilities(log_odds: Floats, later: Ints, earlier: Ints, *, rounds: int = 25) -> Floats:
    """Probability (P,) of each of P possible links, where both of its ends are in at most one link a side.

    log_odds: of each link against both of its ends staying without. later, earlier: the tracklets, by number from 0.
    Belief propagation for one-to-one association (Williams and Lau, IEEE Transactions on Aerospace and Electronic
    Systems 50(4), 2014, equations 24 to 26), until no message changes by more than a thousandth.
    """
    if not len(log_odds):
        return np.zeros(0)
    odds = np.exp(np.clip(log_odds, -MOST, MOST))
    count = int(max(later.max(), earlier.max())) + 1
    free = np.ones_like(odds)
    for _ in range(rounds):
        weighed = odds * free
        taken = odds / (1 + np.maximum(np.bincount(later, weighed, count)[later] - weighed, 0.0))
        new = 1 / (1 + np.maximum(np.bincount(earlier, taken, count)[earlier] - taken, 0.0))
        moved = float(np.abs(new - free).max())
        free = new
        if moved < 1e-3:
            break
    weighed = odds * free
    return np.asarray(weighed / (1 + np.bincount(later, weighed, count)[later]), np.float64)


def best_links(log_odds: Floats, later: Ints, earlier: Ints) -> NDArray[np.bool_]:
    """Choose the links (P,) of the one-to-one assignment with the greatest sum of log odds.

    Chains are paths in order of time, so that the cheapest flow through the window is this bipartite assignment of
    predecessors to successors. Components without a link in common are solved apart; staying alone costs nothing.
    """
    chosen = np.zeros(len(log_odds), np.bool_)
    likely = np.flatnonzero(log_odds > 0)
    if not len(likely):
        return chosen
    # Step 1: components of tracklets that compete for each other
    count = int(max(later[likely].max(), earlier[likely].max())) + 1
    ends = (later[likely], count + earlier[likely])
    graph = coo_matrix((np.ones(len(likely)), ends), shape=(2 * count, 2 * count))
    component = connected_components(graph, directed=False)[1][later[likely]]
    order = np.argsort(component, kind="stable")
    # Step 2: one assignment a component
    for places in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        links = likely[places]
        if len(links) == 1:
            chosen[links] = True
            continue
        rows, row = np.unique(later[links], return_inverse=True)
        columns, column = np.unique(earlier[links], return_inverse=True)
        cost = np.zeros((len(rows), len(columns)))
        link_at = np.full(cost.shape, -1)
        cost[row, column] = -log_odds[links]
        link_at[row, column] = links
        taken = link_at[linear_sum_assignment(cost)]
        chosen[taken[taken >= 0]] = True
    return chosen
