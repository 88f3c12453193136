"""Records of the topic `topology` to test with."""

from associate.roads.records import Alarm, AlarmKind, Edge
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


def alarm() -> Alarm:
    """A closed road."""
    return Alarm(
        zone="z",
        kind=AlarmKind.ROAD_CLOSED,
        camera="a",
        end="b",
        at_ns=600 * NS,
        since_ns=600 * NS,
        expected=15.2,
        found=0.4,
    )
