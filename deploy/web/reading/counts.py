"""Counts of vehicles, by camera and kind and from where to where, with and without correction."""

from collections import defaultdict
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.web.index.store import Index
from deploy.web.reading.identities import Name
from deploy.web.reading.journeys import expected_journeys
from deploy.web.reading.links import Links, Sightings, read_links
from deploy.web.reading.times import Time, time_of
from deploy.web.reading.windows import Minutes, window_of

LEAST = 0.005
"""Vehicles: what is expected less often is 0.00 in the answer, and has no row."""


class CountQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for counts.

    start: only from this time on; a day before `to` without it.
    end: only before this time; up to the last sighting without it.
    camera: only of this camera.
    minutes: length of a step.
    """

    start: Time | None = None
    end: Time | None = None
    camera: Name | None = None
    minutes: Minutes = 5


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles of one kind that came into one view in one step.

    camera: the camera.
    begin: beginning of the step.
    label: kind of vehicle.
    n: sightings; the fragments of one stay that were linked are one.
    corrected_n: expected number of stays: a fragment counts with the probability that it begins one.
    """

    camera: str
    begin: datetime
    label: str
    n: int
    corrected_n: float


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts.

    rows: by camera, time and kind.
    """

    rows: list[Count]


class OdQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for origins and destinations.

    start: only vehicles first seen at or after this time; a day before `to` without it.
    end: only vehicles first seen before this time.
    """

    start: Time | None = None
    end: Time | None = None


class OdPair(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles that were seen first by one camera and last by another.

    origin: camera of the first sighting.
    destination: camera of the last sighting.
    label: kind of vehicle.
    n: identities.
    expected: sum over them of the product of their links' probabilities: how many are expected to be right throughout.
    corrected_n: expected number of journeys, those included of which a link was missed or false.
    """

    origin: str
    destination: str
    label: str
    n: int
    expected: float
    corrected_n: float


class OdMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Origins and destinations.

    rows: by origin, destination and kind; vehicles of one sighting have their camera twice.
    """

    rows: list[OdPair]


def list_counts(index: Index, query: CountQuery) -> Counts:
    """Read counts; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, query.minutes)
    sightings, links = read_links(index, window, "sighting")
    camera, count = sightings.camera, len(sightings.camera)
    wanted = (sightings.enter_ns >= window.begin_ns) & (sightings.enter_ns < window.end_ns)
    if query.camera is not None:
        wanted &= np.array([name == query.camera for name in sightings.cameras] or [False])[camera]
    # A fragment follows a sighting of its own vehicle in its own camera.
    known = (sightings.before >= 0) & (camera[sightings.before] == camera)
    within = camera[links.earlier] == camera[links.later]
    new = 1 - np.bincount(links.later[within], links.probability[within], count)
    step_ns = sightings.enter_ns // window.step_ns * window.step_ns
    found: dict[tuple[int, int, int], list[float]] = defaultdict(lambda: [0, 0.0])
    columns = (camera, step_ns, sightings.label, ~known, new.clip(0, 1))
    for place, begin_ns, label, first, share in zip(*(each[wanted].tolist() for each in columns), strict=True):
        sums = found[place, begin_ns, label]
        sums[0] += first
        sums[1] += share
    return Counts(
        rows=[
            Count(
                camera=sightings.cameras[place],
                begin=time_of(begin_ns),
                label=sightings.labels[label],
                n=int(n),
                corrected_n=round(corrected, 2),
            )
            for (place, begin_ns, label), (n, corrected) in sorted(found.items())
        ]
    )


def list_od(index: Index, query: OdQuery) -> OdMatrix:
    """Read origins and destinations; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, 1440)
    sightings, links = read_links(index, window, "vehicle")
    begins = (sightings.enter_ns >= window.begin_ns) & (sightings.enter_ns < window.end_ns)
    corrected = expected_journeys(sightings, links, begins)
    found = _linked_journeys(sightings, links, begins)
    return OdMatrix(
        rows=[
            OdPair(
                origin=sightings.cameras[place[0]],
                destination=sightings.cameras[place[1]],
                label=sightings.labels[place[2]],
                n=len(found[place]),
                expected=round(sum(found[place]), 2),
                corrected_n=round(corrected.get(place, 0.0), 2),
            )
            for place in sorted({*found, *corrected})
            if place in found or corrected[place] >= LEAST
        ]
    )


def _linked_journeys(
    sightings: Sightings, links: Links, begins: NDArray[np.bool_]
) -> defaultdict[tuple[int, int, int], list[float]]:
    """By origin, destination and label: of every identity the product of its links' probabilities."""
    count = len(sightings.camera)
    right = np.ones(count)
    right[links.later[links.made]] = links.stated[links.made]
    follows = sightings.before >= 0
    last = np.ones(count, np.bool_)
    last[sightings.before[follows]] = False
    # Rows are in order of time: what is known of the sighting before is known already.
    origin, product = np.arange(count), right
    for row in np.flatnonzero(follows).tolist():
        before = sightings.before[row]
        origin[row], product[row] = origin[before], product[before] * right[row]
    found: defaultdict[tuple[int, int, int], list[float]] = defaultdict(list)
    rows = np.flatnonzero(last & begins[origin])
    columns = (sightings.camera[origin[rows]], sightings.camera[rows], sightings.label[rows], product[rows])
    for start, end, label, probability in zip(*(each.tolist() for each in columns), strict=True):
        found[start, end, label].append(probability)
    return found
