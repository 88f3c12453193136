"""Topology as the links tell it: which camera follows which, how often, and how long that takes."""

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.times import Time
from deploy.web.reading.travel import links_in, median_interval, quantiles_of, sightings_left
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
    left = sightings_left(index, window)
    rows = []
    for (origin, destination, step_ns), links in sorted(links_in(index, window).items()):
        times_s, weights, (p15_s, median_s, p85_s) = quantiles_of(links)
        low_s, high_s = median_interval(times_s)
        expected = float(weights.sum())
        rows.append(
            Way(
                origin=origin,
                destination=destination,
                n=len(links),
                expected=round(expected, 2),
                share=round(min(1.0, expected / max(1, left[origin, step_ns])), 3),
                median_s=round(median_s, 2),
                p15_s=round(p15_s, 2),
                p85_s=round(p85_s, 2),
                low_s=low_s,
                high_s=high_s,
            )
        )
    return Topology(rows=rows)
