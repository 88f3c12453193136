"""Drives before a camera of a set, where vehicles can stand: the ways of its preset's traffic through the view."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from ingest.synthetic.camera.passages import Passage, passages
from ingest.synthetic.camera.spec import NEAR_M, CameraSpec, Points, Projection
from ingest.synthetic.world.presets import Preset, trips_of
from ingest.synthetic.world.traffic import Trip

Drive = NDArray[np.float64]
"""(S, 4) float64, in the order driven: x_m and y_m of the front bumper's middle, heading_deg, speed_mps."""

DRIVES = 80
"""Most drives of a camera; more look alike."""
FEWEST_PLACES = 4
EVERY_S = 0.25
APART_M = 0.7
"""A vehicle that waits in a queue gives one place and not a hundred."""
CAR_WIDTH_M = 1.8
LEAST_CAR_PX = 26


def drives_of(preset: Preset, cameras: Sequence[int], rng: np.random.Generator) -> dict[int, tuple[Drive, ...]]:
    """The ways through the view of each of these cameras; raises ConfigError for one that sees no traffic."""
    trips = {trip.vehicle.vehicle_id: trip for trip in trips_of(preset)}
    seen = passages(preset)
    found = {}
    for camera in cameras:
        spec = preset.cameras[camera]
        projection = Projection(spec.pose, spec.width, spec.height)
        here = [passage for passage in seen if passage.camera == camera]
        drives = []
        for turn in rng.permutation(len(here)).tolist():
            places = np.array(list(_places(trips[here[turn].vehicle_id], here[turn])), np.float64).reshape(-1, 4)
            places = places[_worth_looking(places, projection)]
            if len(places) >= FEWEST_PLACES:
                drives.append(places)
            if len(drives) == DRIVES:
                break
        if not drives:
            raise ConfigError(f"no vehicle drives past camera {camera} of the city preset '{preset.name}'")
        found[camera] = tuple(drives)
    return found


def _places(trip: Trip, passage: Passage) -> Iterator[tuple[float, float, float, float]]:
    """The places along a passage, at least APART_M from one another."""
    last: tuple[float, float] | None = None
    for time_s in np.arange(passage.enter_s, passage.leave_s, EVERY_S).tolist():
        pose, soon = trip.pose(time_s), trip.pose(time_s + 0.2)
        if pose is None or soon is None:
            continue
        x_m, y_m, heading_deg = pose
        if last is not None and np.hypot(x_m - last[0], y_m - last[1]) < APART_M:
            continue
        last = x_m, y_m
        yield x_m, y_m, heading_deg, float(np.hypot(soon[0] - x_m, soon[1] - y_m) / 0.2)


def _worth_looking(places: Drive, projection: Projection) -> NDArray[np.bool_]:
    """Places (S,), True where a car would be in the frame, and not too small."""
    x, y = projection.pixels(_middles(places)).T
    inside = (x > 0) & (y > 0) & (x < projection.width) & (y < 1.1 * projection.height)
    return np.asarray(inside & (car_px(places, projection) >= LEAST_CAR_PX), np.bool_)


def car_px(places: Drive, projection: Projection) -> NDArray[np.float64]:
    """Widths (S,) of a car there, seen from behind, in pixels; 0 too near to the camera."""
    depth_m = projection.depth_m(_middles(places))
    return np.where(depth_m > NEAR_M, CAR_WIDTH_M * projection.focal_px / np.maximum(depth_m, NEAR_M), 0.0)


def _middles(places: Drive) -> Points:
    return np.column_stack([places[:, :2], np.full(len(places), 0.7)])


def view_deg(place: tuple[float, float, float], spec: CameraSpec) -> float:
    """Viewing angle of a vehicle, in [-180, 180): 0 its rear, 90 its right side, +-180 its front."""
    x_m, y_m, heading_deg = place
    sight_deg = np.degrees(np.arctan2(-(x_m - spec.pose.x_m), y_m - spec.pose.y_m))
    return float((heading_deg - sight_deg + 180) % 360 - 180)
