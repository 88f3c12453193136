"""Vehicles between cameras: where each left, and where it is expected next by what others did lately."""

from collections import defaultdict
from datetime import datetime
from statistics import median

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.crops import CropFolder
from deploy.web.reading.times import time_of
from ingest.clock import NS

LEARNED_FROM = 4000
"""The last sightings, from which it is read where vehicles go."""
AT_MOST = 60
SLOW = 3.0
"""A vehicle that needs so many times longer than half of the others is not expected any more."""
PATIENCE_S = 60.0


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A camera where a vehicle may be seen next.

    camera: its id.
    share: share of the vehicles from that view that were seen there next.
    in_s: seconds until then, by the median of the others; below zero once that is over.
    """

    camera: str
    share: float
    in_s: float


class UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle between cameras.

    identity: its name.
    label: kind of vehicle.
    camera: the camera that it left.
    left: when.
    ago_s: seconds since then, by the cameras' clocks.
    expected: where it may be seen next, the likeliest first.
    crop: URL of its last crop.
    """

    identity: str
    label: str
    camera: str
    left: datetime
    ago_s: float
    expected: list[Expected]
    crop: str | None = None


class UnderWayList(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles between cameras.

    at: the time that the cameras have come to.
    vehicles: the one that left last first, at most 60.
    """

    at: datetime
    vehicles: list[UnderWay]


def list_under_way(index: Index, crops: CropFolder) -> UnderWayList:
    """Read who is between cameras now."""
    latest = index.rows("SELECT at_ns FROM cameras ORDER BY at_ns")
    at_ns = latest[len(latest) // 2]["at_ns"] if latest else 0  # one camera's wrong clock does not decide it
    ways = _ways(index)
    rows = index.rows(
        "SELECT identity, label, camera, tracklet, leave_ns FROM (SELECT * FROM identities "
        "WHERE superseded_by IS NULL AND NOT closed ORDER BY last_ns DESC, identity DESC LIMIT ?) "
        "JOIN visits USING (identity) WHERE leave_ns = last_ns AND NOT open GROUP BY identity "
        "ORDER BY last_ns DESC, identity DESC",
        (4 * AT_MOST,),
    )
    vehicles = []
    for row in rows:
        ago_s = (at_ns - row["leave_ns"]) / NS
        expected = [
            Expected(camera=camera, share=round(share, 3), in_s=round(usual_s - ago_s, 1))
            for camera, share, usual_s in ways.get(row["camera"], [])
            if ago_s <= max(SLOW * usual_s, usual_s + 10)
        ]
        if expected or (row["camera"] not in ways and ago_s < PATIENCE_S):
            vehicles.append(
                UnderWay(
                    identity=row["identity"],
                    label=row["label"],
                    camera=row["camera"],
                    left=time_of(row["leave_ns"]),
                    ago_s=round(ago_s, 1),
                    expected=expected,
                    crop=crops.best(row["tracklet"]),
                )
            )
    return UnderWayList(at=time_of(at_ns), vehicles=vehicles[:AT_MOST])


def _ways(index: Index) -> dict[str, list[tuple[str, float, float]]]:
    """By camera: where vehicles were seen next, with the share and the median time in seconds; the likeliest first."""
    rows = index.rows(
        "WITH lately AS (SELECT * FROM visits ORDER BY enter_ns DESC LIMIT ?) "
        "SELECT camera, lead(camera) OVER way AS following, lead(enter_ns) OVER way - leave_ns AS travel_ns "
        "FROM lately WINDOW way AS (PARTITION BY identity ORDER BY enter_ns)",
        (LEARNED_FROM,),
    )
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    left: dict[str, int] = defaultdict(int)
    for row in rows:
        left[row["camera"]] += 1
        if row["following"] is not None and row["following"] != row["camera"]:
            times[row["camera"]][row["following"]].append(row["travel_ns"] / NS)
    return {
        camera: sorted(
            ((following, len(each) / left[camera], median(each)) for following, each in ways.items()),
            key=lambda way: (-way[1], way[0]),
        )
        for camera, ways in times.items()
    }
