"""Placement of vehicles in snapshots: several at once, each at a place of its own drive, none in another."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.passages import box_corners, to_world
from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.vehicle.fleet import Vehicle
from training.datasets.city.drives import Drive

SIDES_PX = (30.0, 330.0)
"""Least and most of the longer side of a vehicle's box that is worth a place."""
INSIDE_SHARE = 0.6
"""Least share of a vehicle's box that lies in the frame."""
MOST_COVERED = 0.5
"""Largest share of a vehicle's box that a nearer one's box covers."""
AHEAD_M, BESIDE_M = 1.6, 0.35
"""Room around a body."""
TRIES = 10


@dataclass(frozen=True, slots=True)
class CropRequest:
    """One crop to be taken: the `view`-th of a vehicle along a drive (its number) through the camera's sight."""

    vehicle: Vehicle
    view: int
    drive: int


@dataclass(frozen=True, slots=True, eq=False)
class PlacedVehicle:
    """A vehicle at its place in a snapshot. place: x_m, y_m, heading_deg. box: its full box, (4,) xyxy pixels."""

    request: CropRequest
    place: tuple[float, float, float]
    speed_mps: float
    footprint: NDArray[np.float32]
    box: NDArray[np.float64]


def place_vehicles(
    requests: Sequence[CropRequest],
    drives: Sequence[Drive],
    projection: Projection,
    most: int,
    rng: np.random.Generator,
) -> list[PlacedVehicle]:
    """Find places for up to `most` of the wanted, in their order; a vehicle is there once."""
    chosen: list[PlacedVehicle] = []
    for each in requests[: 3 * most]:
        if any(other.request.vehicle.vehicle_id == each.vehicle.vehicle_id for other in chosen):
            continue
        placed = _find_place(each, drives[each.drive], projection, chosen, rng)
        if placed is not None:
            chosen.append(placed)
        if len(chosen) == most:
            break
    return chosen


def _find_place(
    request: CropRequest,
    drive: Drive,
    projection: Projection,
    others: Sequence[PlacedVehicle],
    rng: np.random.Generator,
) -> PlacedVehicle | None:
    corners = box_corners(request.vehicle.model)
    for _ in range(TRIES):
        x_m, y_m, heading_deg, speed_mps = drive[int(rng.integers(len(drive)))]
        turn, aside_m = np.radians(heading_deg), rng.normal(0, 0.2)
        ahead_m = rng.uniform(-1.0, 1.0)
        spot = (
            float(x_m + aside_m * np.cos(turn) - ahead_m * np.sin(turn)),
            float(y_m + aside_m * np.sin(turn) + ahead_m * np.cos(turn)),
            float(heading_deg + rng.normal(0, 1.0)),
        )
        placed = PlacedVehicle(
            request, spot, float(speed_mps), _footprint(corners, spot), box_of(to_world(corners, spot), projection)
        )
        if _well_seen(placed.box, projection) and all(_apart(placed, other) for other in others):
            return placed
    return None


def box_of(points_m: NDArray[np.floating], projection: Projection) -> NDArray[np.float64]:
    """The (4,) box around the pixels of (N, 3) world points, also beyond the frame; all 0 if one is behind."""
    if (projection.depth_m(points_m) < 1.0).any():
        return np.zeros(4)
    pixels = projection.pixels(points_m)
    return np.concatenate([pixels.min(0), pixels.max(0)])


def _footprint(corners: NDArray[np.floating], spot: tuple[float, float, float]) -> NDArray[np.float32]:
    """The (4, 2) rectangle on the ground that a vehicle keeps free."""
    low, high = corners.min(0), corners.max(0)
    x0, x1, y0, y1 = low[0] - BESIDE_M, high[0] + BESIDE_M, low[1] - AHEAD_M, high[1] + AHEAD_M
    rectangle = np.array([(x0, y0, 0), (x1, y0, 0), (x1, y1, 0), (x0, y1, 0)])
    return np.asarray(to_world(rectangle, spot)[:, :2], np.float32)


def _well_seen(box: NDArray[np.float64], projection: Projection) -> bool:
    sides = box[2:] - box[:2]
    frame = np.array([projection.width, projection.height])
    within = np.clip(box[2:], 0, frame) - np.clip(box[:2], 0, frame)
    longer = float(within.max())
    return SIDES_PX[0] <= longer <= SIDES_PX[1] and float(within.prod()) >= INSIDE_SHARE * float(sides.prod())


def _apart(one: PlacedVehicle, other: PlacedVehicle) -> bool:
    """True where two bodies leave each other room, and neither hides most of the other."""
    if cv2.intersectConvexConvex(one.footprint, other.footprint)[0] > 0:
        return False
    sides = np.minimum(one.box[2:], other.box[2:]) - np.maximum(one.box[:2], other.box[:2])
    shared = float(np.maximum(sides, 0).prod())
    farther = one if one.box[3] < other.box[3] else other
    return shared <= MOST_COVERED * float((farther.box[2:] - farther.box[:2]).prod())
