"""Topology as the links tell it: which camera follows which, how often, and how long that takes."""

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.times import Time
from deploy.web.reading.travel import travel_samples
from deploy.web.reading.windows import Window, window_of


class TopologyQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for the topology.

    start: only links whose first camera was left at or after this time; a day before `to` without it.
    end: only links whose first camera was left before this time; up to the last sighting without it.
    """

    start: Time | None = None
    end: Time | None = None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered pair of cameras that vehicles were linked between.

    origin: camera that was left.
    destination: camera that was entered next.
    n: links.
    expected: sum of their probabilities.
    share: `expected` over all sightings that left the first camera.
    median_s: median travel time, seconds.
    p15_s: 15th percentile.
    p85_s: 85th percentile.
    low_s: lower end of the median's interval of 95 %; null for fewer than six links.
    high_s: upper end of it.
    plain_median_s: median of the links as they are, each counting as one.
    corrected_n: expected number of vehicles, links that were missed included.
    corrected_median_s: median over those, seconds.
    corrected_share: `corrected_n` over all sightings that left the first camera.
    """

    origin: str
    destination: str
    n: int
    expected: float
    share: float
    median_s: float
    p15_s: float
    p85_s: float
    low_s: float | None
    high_s: float | None
    plain_median_s: float
    corrected_n: float
    corrected_median_s: float
    corrected_share: float


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """Topology.

    rows: by pair of cameras.
    """

    rows: list[Way]


def read_topology(index: Index, query: TopologyQuery) -> Topology:
    """Read the topology of a window; raises ConfigError for one that cannot be."""
    asked = window_of(index, query.start, query.end, 1440)
    # One step, which begins before the window does and holds all of it.
    window = Window(asked.begin_ns, asked.end_ns, 2**62)
    return Topology(
        rows=[
            Way(origin=origin, destination=destination, **sample.measures())
            for (origin, destination, _), sample in travel_samples(index, window).items()
        ]
    )
