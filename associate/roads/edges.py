"""Edges of the learned topology that are worth a new record: those whose figures have changed enough."""

import msgspec

from associate.learned import LearnedPair
from associate.roads.records import Edge

FEWEST_LINKS = 3.0
"""Links from which a pair of cameras is an edge; it is none any more below half of them."""

SHARE_APART = 0.05
TIMES_APART = 0.1
"""Relative change of a travel time's quantile; `TIMES_APART_S` at least."""

TIMES_APART_S = 1.0
LINKS_APART = 1.5
"""Factor by which the number of links has grown or fallen."""


def edge_of(pair: LearnedPair, zone: str, at_ns: int) -> Edge:
    """A learned pair as a record, in figures that mean something."""
    return Edge(
        zone=zone,
        start=pair.start,
        end=pair.end,
        at_ns=at_ns,
        share=round(pair.share, 4),
        links=round(pair.links, 2),
        p15_s=round(pair.p15_s, 3),
        median_s=round(pair.median_s, 3),
        p85_s=round(pair.p85_s, 3),
    )


def changed(now: Edge, said: Edge | None) -> bool:
    """True where an edge is new, or differs enough from what was said of it last."""
    if said is None:
        return now.links >= FEWEST_LINKS
    return (
        abs(now.share - said.share) >= SHARE_APART
        or not said.links / LINKS_APART < now.links < said.links * LINKS_APART
        or any(
            abs(new_s - old_s) >= max(TIMES_APART_S, TIMES_APART * abs(old_s))
            for new_s, old_s in zip(_times_s(now), _times_s(said), strict=True)
        )
    )


def gone(said: Edge, at_ns: int) -> Edge:
    """The last record of an edge that is none any more."""
    return msgspec.structs.replace(said, at_ns=at_ns, share=0.0, links=0.0, p15_s=None, median_s=None, p85_s=None)


def _times_s(edge: Edge) -> list[float]:
    return [time_s for time_s in (edge.p15_s, edge.median_s, edge.p85_s) if time_s is not None]
