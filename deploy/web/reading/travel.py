"""Travel times between cameras by step of time, with and without correction by the links' own probabilities."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.learned import QUANTILES
from deploy.results.quantiles import median_interval, weighted_quantiles
from deploy.web.index.store import Index
from deploy.web.reading.identities import Name
from deploy.web.reading.links import Sightings, read_links
from deploy.web.reading.times import Time, time_of
from deploy.web.reading.windows import Minutes, Window, window_of
from ingest.clock import NS


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
    plain_median_s: median of the links as they are, each counting as one.
    corrected_n: expected number of vehicles, links that were missed included.
    corrected_median_s: median over those, seconds.
    corrected_share: `corrected_n` over all sightings that left the first camera in the step.
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
    plain_median_s: float
    corrected_n: float
    corrected_median_s: float
    corrected_share: float


class TravelTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Travel times.

    rows: by pair and time.
    """

    rows: list[TravelTime]


Place = tuple[str, str, int]
"""Camera left, camera entered, and the beginning of the step, Unix nanoseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class TravelSample:
    """The likely links of one place, columns (L,) by travel time.

    left: sightings that left the first camera in the step.
    """

    travel_s: NDArray[np.float64]
    probability: NDArray[np.float64]
    stated: NDArray[np.float64]
    made: NDArray[np.bool_]
    left: int

    def measures(self) -> dict[str, Any]:
        """The fields that a travel time and a way share; there has to be a link that was made."""
        times_s, stated = self.travel_s[self.made], self.stated[self.made]
        p15_s, median_s, p85_s = weighted_quantiles(times_s, stated, QUANTILES)
        low_s, high_s = median_interval(times_s)
        expected, corrected = float(stated.sum()), float(self.probability.sum())
        return {
            "n": len(times_s),
            "expected": round(expected, 2),
            "median_s": round(median_s, 2),
            "p15_s": round(p15_s, 2),
            "p85_s": round(p85_s, 2),
            "low_s": low_s,
            "high_s": high_s,
            "share": self._share(expected),
            "plain_median_s": round(float(np.median(times_s)), 2),
            "corrected_n": round(corrected, 2),
            "corrected_median_s": round(weighted_quantiles(self.travel_s, self.probability, (0.5,))[0], 2),
            "corrected_share": self._share(corrected),
        }

    def _share(self, vehicles: float) -> float:
        return round(min(1.0, vehicles / max(1, self.left)), 3)


def list_travel_times(index: Index, query: TravelQuery) -> TravelTimes:
    """Read travel times; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, query.minutes)
    return TravelTimes(
        rows=[
            TravelTime(origin=origin, destination=destination, begin=time_of(begin_ns), **sample.measures())
            for (origin, destination, begin_ns), sample in travel_samples(index, window).items()
            if query.origin in (None, origin) and query.destination in (None, destination)
        ]
    )


def travel_samples(index: Index, window: Window) -> dict[Place, TravelSample]:
    """Read the likely links between two cameras whose first view was left in a window, by place in order.

    Places where no link was made are left out: runners-up alone are no travel time.
    """
    sightings, links = read_links(index, window)
    origin, destination = sightings.camera[links.earlier], sightings.camera[links.later]
    left_ns = sightings.leave_ns[links.earlier]
    wanted = (origin != destination) & (left_ns >= window.begin_ns) & (left_ns < window.end_ns)
    travel_s = (sightings.enter_ns[links.later] - left_ns) / NS
    step_ns = left_ns // window.step_ns * window.step_ns
    # Step 1: by place, and by travel time within it
    rows = np.flatnonzero(wanted)
    order = rows[np.lexsort((travel_s[rows], step_ns[rows], destination[rows], origin[rows]))]
    places = np.stack([origin[order], destination[order], step_ns[order]], 1)
    cuts = np.flatnonzero((places[1:] != places[:-1]).any(1)) + 1
    # Step 2: a sample each
    left = _sightings_left(sightings, window)
    found: dict[Place, TravelSample] = {}
    for part in np.split(order, cuts):
        if not links.made[part].any():
            continue
        first = part[0]
        number, begin_ns = int(origin[first]), int(step_ns[first])
        place = sightings.cameras[number], sightings.cameras[int(destination[first])], begin_ns
        found[place] = TravelSample(
            travel_s[part], links.probability[part], links.stated[part], links.made[part], left[number, begin_ns]
        )
    return found


def _sightings_left(sightings: Sightings, window: Window) -> Counter[tuple[int, int]]:
    """Count the sightings that left a view, by camera number and step."""
    left_ns = sightings.leave_ns
    gone = ~sightings.open & (left_ns >= window.begin_ns) & (left_ns < window.end_ns)
    step_ns = left_ns[gone] // window.step_ns * window.step_ns
    return Counter(zip(sightings.camera[gone].tolist(), step_ns.tolist(), strict=True))
