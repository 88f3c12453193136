"""Chains: what association has linked, and what it has not, in the odds of candidates.

A sighting that was linked with others is of the vehicle asked for only if they are: a vehicle that was before another
camera a moment before the query's, and before a third one a moment after, was not before the query's meanwhile, however
alike one of its sightings is. And what was linked with the query's own sighting is the likeliest of all.
"""

import numpy as np

from associate.links.travel_times import Floats, Ints

NEXT = 2
"""Sightings of a vehicle before a query, and after it, that are asked about: those further away hang on these."""

ASTRAY = 0.1
"""Share of identities that have a sighting of another vehicle, so that the others say nothing of it."""

OF_LINKED = (1 - ASTRAY) / ASTRAY
"""Prior odds of a sighting that association has linked with the query's."""


def neighbours(identity: Ints, lag_s: Floats) -> Ints:
    """The places, rising, of each identity's NEXT sightings before and as many after a query.

    identity: (N,) numbers. lag_s: (N,) seconds from the query to each sighting.
    """
    side = identity * 2 + (lag_s >= 0)
    order = np.lexsort((np.abs(lag_s), side))
    first = np.searchsorted(side[order], side[order], side="left")
    return np.sort(order[np.arange(len(order)) - first < NEXT])


def fitted(odds: Floats, identity: Ints, of_chain: Floats, chain: Ints) -> Floats:
    """The odds (N,) of candidates in view of what else their vehicles did.

    identity: (N,) numbers of the candidates' identities, -1 for none. of_chain, chain: (M,) odds of sightings of those
    identities, and whose they are. A candidate counts as much as the least likely of its vehicle's; what is taken from
    some is given to all, since it says which of them is the vehicle and not whether it is there.
    """
    if not len(odds):
        return odds
    least = np.full(int(max(identity.max(), chain.max(initial=-1))) + 2, np.inf)
    np.minimum.at(least, chain, of_chain)
    whole = np.minimum(odds, least[identity])
    fitting = ASTRAY * odds + (1 - ASTRAY) * whole
    return np.asarray(fitting * (odds.sum() / max(float(fitting.sum()), 1e-300)), np.float64)
