"""Records of the topic `topology` to test with."""

from associate.roads.records import Edge
from ingest.clock import NS


def edge(start: str = "a", end: str = "b", *, share: float = 0.6, links: float = 30.0, median_s: float = 8.0) -> Edge:
    """An edge with everything in it."""
    return Edge(
        zone="z",
        start=start,
        end=end,
        at_ns=600 * NS,
        share=share,
        links=links,
        p15_s=median_s - 1.5,
        median_s=median_s,
        p85_s=median_s + 2.5,
    )
