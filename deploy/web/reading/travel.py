"""Travel times between cameras by step of time, each link weighted by its own probability."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.web.index.store import Index
from deploy.web.reading.identities import Name
from deploy.web.reading.times import Time, time_of
from deploy.web.reading.windows import DAY_NS, Minutes, Window, window_of
from ingest.clock import NS

FEWEST = 6
"""Links below which a median has no interval: it would be wider than they lie apart."""

Z = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""


class TravelQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for travel times.

    start: only vehicles that left the first camera at or after this time; a day before `to` without it.
    end: only vehicles that left it before this time; up to the last sighting without it.
    origin: only from this camera.
    destination: only to this camera.
    minutes: length of a step.
    """

    start: Time | None = None
    end: Time | None = None
    origin: Name | None = None
    destination: Name | None = None
    minutes: Minutes = 5


class TravelTime(msgspec.Struct, frozen=True, kw_only=True):
    """Travel times of one ordered pair of cameras, from leaving the one view to entering the other, in one step.

    origin: camera that was left.
    destination: camera that was entered next.
    begin: beginning of the step in which the first camera was left.
    n: links.
    expected: sum of their probabilities: how many of them are expected to be right.
    median_s: median, each link weighted by its probability, seconds.
    p15_s: 15th percentile.
    p85_s: 85th percentile.
    low_s: lower end of the median's interval of 95 %; null for fewer than six links.
    high_s: upper end of it.
    share: `expected` over all sightings that left the first camera in the step, linked to anything or not.
    """

    origin: str
    destination: str
    begin: datetime
    n: int
    expected: float
    median_s: float
    p15_s: float
    p85_s: float
    low_s: float | None
    high_s: float | None
    share: float


class TravelTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Travel times.

    rows: by pair and time.
    """

    rows: list[TravelTime]


STEPS = (
    "WITH near AS (SELECT * FROM visits WHERE enter_ns >= ? AND enter_ns < ?), "
    "steps AS (SELECT tracklet, camera, enter_ns, lag(camera) OVER way AS origin, lag(leave_ns) OVER way AS left_ns "
    "FROM near WINDOW way AS (PARTITION BY identity ORDER BY enter_ns, tracklet)) "
    "SELECT origin, camera, enter_ns, left_ns, probability FROM steps JOIN evidence USING (tracklet) "
    "WHERE linked AND origin IS NOT NULL AND origin != camera AND left_ns >= ? AND left_ns < ?"
)
"""Every link between two cameras whose first view was left in a window."""


Links = dict[tuple[str, str, int], list[tuple[float, float]]]
"""By camera left, camera entered and step: travel time in seconds and probability of every link."""


def list_travel_times(index: Index, query: TravelQuery) -> TravelTimes:
    """Read travel times; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, query.minutes)
    left = sightings_left(index, window)
    return TravelTimes(
        rows=[
            _travel_time(place, links, left)
            for place, links in sorted(links_in(index, window).items())
            if query.origin in (None, place[0]) and query.destination in (None, place[1])
        ]
    )


def links_in(index: Index, window: Window) -> Links:
    """Read the links between two cameras whose first view was left in a window."""
    near = window.begin_ns - DAY_NS, window.end_ns + DAY_NS
    links: Links = defaultdict(list)
    for row in index.rows(STEPS, (*near, window.begin_ns, window.end_ns)):
        place = row["origin"], row["camera"], window.step_of(row["left_ns"])
        links[place].append(((row["enter_ns"] - row["left_ns"]) / NS, row["probability"]))
    return links


def sightings_left(index: Index, window: Window) -> Counter[tuple[str, int]]:
    """Count the sightings that left a view, by camera and step."""
    rows = index.rows(
        "SELECT camera, leave_ns FROM visits WHERE NOT open AND leave_ns >= ? AND leave_ns < ?",
        (window.begin_ns, window.end_ns),
    )
    return Counter((row["camera"], window.step_of(row["leave_ns"])) for row in rows)


def quantiles_of(
    links: Sequence[tuple[float, float]],
) -> tuple[NDArray[np.floating], NDArray[np.floating], list[float]]:
    """Sorted times (N,) in seconds, their weights (N,), and the 15th, 50th and 85th percentile."""
    times_s, weights = (np.array(column) for column in zip(*sorted(links), strict=True))
    return times_s, weights, weighted_quantiles(times_s, weights, (0.15, 0.5, 0.85))


def _travel_time(
    place: tuple[str, str, int], links: Sequence[tuple[float, float]], left: Counter[tuple[str, int]]
) -> TravelTime:
    origin, destination, begin_ns = place
    times_s, weights, (p15_s, median_s, p85_s) = quantiles_of(links)
    low_s, high_s = median_interval(times_s)
    expected = float(weights.sum())
    return TravelTime(
        origin=origin,
        destination=destination,
        begin=time_of(begin_ns),
        n=len(links),
        expected=round(expected, 2),
        median_s=round(median_s, 2),
        p15_s=round(p15_s, 2),
        p85_s=round(p85_s, 2),
        low_s=low_s,
        high_s=high_s,
        share=round(min(1.0, expected / max(1, left[origin, begin_ns])), 3),
    )


def weighted_quantiles(
    values: NDArray[np.floating], weights: NDArray[np.floating], shares: Sequence[float]
) -> list[float]:
    """Quantiles of sorted values (N,), interpolated between the middles of their weights (N,)."""
    total = float(weights.sum())
    if total <= 0:
        weights, total = np.ones_like(values), float(len(values))
    middles = (np.cumsum(weights) - weights / 2) / total
    return [float(np.interp(share, middles, values)) for share in shares]


def median_interval(values: NDArray[np.floating]) -> tuple[float | None, float | None]:
    """The 95 % interval of the median of sorted values (N,): order statistics, binomial by its normal approximation."""
    count = len(values)
    if count < FEWEST:
        return None, None
    half = Z * np.sqrt(count) / 2
    low = max(0, int(np.floor(count / 2 - half)))
    high = min(count - 1, int(np.ceil(count / 2 + half)))
    return round(float(values[low]), 2), round(float(values[high]), 2)
