"""Counts of vehicles: by camera and kind, and from where to where."""

from collections import defaultdict
from datetime import datetime

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.identities import Name
from deploy.web.reading.times import Time, time_of
from deploy.web.reading.windows import Minutes, window_of


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
    """

    camera: str
    begin: datetime
    label: str
    n: int


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
    """

    origin: str
    destination: str
    label: str
    n: int
    expected: float


class OdMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Origins and destinations.

    rows: by origin, destination and kind; vehicles of one sighting have their camera twice.
    """

    rows: list[OdPair]


def list_counts(index: Index, query: CountQuery) -> Counts:
    """Read counts; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, query.minutes)
    # A fragment follows a sighting of its own identity in its own camera.
    rows = index.rows(
        "WITH near AS (SELECT visits.*, lag(camera) OVER way AS before FROM visits WHERE enter_ns < ? "
        "WINDOW way AS (PARTITION BY identity ORDER BY enter_ns, tracklet)) "
        "SELECT near.camera, enter_ns / ? AS step, coalesce(label, 'vehicle') AS label, count(*) AS n "
        "FROM near LEFT JOIN tracklets USING (tracklet) WHERE enter_ns >= ? AND before IS NOT near.camera "
        "AND (? IS NULL OR near.camera = ?) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (window.end_ns, window.step_ns, window.begin_ns, query.camera, query.camera),
    )
    return Counts(
        rows=[
            Count(camera=row["camera"], begin=time_of(row["step"] * window.step_ns), label=row["label"], n=row["n"])
            for row in rows
        ]
    )


def list_od(index: Index, query: OdQuery) -> OdMatrix:
    """Read origins and destinations; raises ConfigError for a window that cannot be."""
    window = window_of(index, query.start, query.end, 1440)
    rows = index.rows(
        "SELECT identity, identities.label, camera, linked, evidence.probability FROM identities "
        "JOIN visits USING (identity) LEFT JOIN evidence USING (tracklet) "
        "WHERE superseded_by IS NULL AND first_ns >= ? AND first_ns < ? ORDER BY identity, enter_ns, tracklet",
        (window.begin_ns, window.end_ns),
    )
    ways: dict[str, tuple[str, str, str, float]] = {}
    for row in rows:
        origin, _, label, right = ways.get(row["identity"], (row["camera"], "", row["label"], 1.0))
        ways[row["identity"]] = origin, row["camera"], label, right * (row["probability"] if row["linked"] else 1.0)
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for origin, destination, label, right in ways.values():
        found[origin, destination, label].append(right)
    return OdMatrix(
        rows=[
            OdPair(origin=place[0], destination=place[1], label=place[2], n=len(each), expected=round(sum(each), 2))
            for place, each in sorted(found.items())
        ]
    )
