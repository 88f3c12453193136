"""Passages: the times at which each camera sees each vehicle, from the geometry alone, without rendering."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import FAR_M, NEAR_M, Points, Projection
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.world.presets import Preset, trips_of
from ingest.synthetic.world.traffic import Segment

_AGAIN_S = 5.0
LONGEST_M = 20.0
"""No vehicle is longer."""
_View = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle in view of one camera; times in seconds since the start of the world.

    `whole`: the vehicle came in and went out within the duration of the preset. `height_px` is the height of its box
    when it is largest, what is beyond the image included.
    """

    vehicle_id: int
    camera: int
    enter_s: float
    leave_s: float
    whole: bool
    height_px: float


def passages(preset: Preset) -> list[Passage]:
    """Compute all passages of a preset by vehicle, then time, at the resolution of one frame.

    A vehicle is in view while a part of the box around it can be in the image; scenery is not considered. One that
    comes back after 5 s or more passes once more.
    """
    # Step 1: all segments of all trips, with their bounds on the map
    parts = [(trip, segment) for trip in trips_of(preset) for segment in trip.segments]
    corners = {trip.vehicle.vehicle_id: box_corners(trip.vehicle.model) for trip in trips_of(preset)}
    bounds_m = np.array([_bounds_m(segment) for _, segment in parts]).reshape(-1, 4)
    found = []
    for camera, spec in enumerate(preset.cameras):
        # Step 2: of each camera, the frames in which a segment near it is in view
        projection = Projection(spec.pose, spec.width, spec.height)
        last_s = (preset.frame_count(spec) - 1) / spec.fps
        views: dict[int, list[_View]] = {}
        for row in np.flatnonzero(_near(bounds_m, projection)).tolist():
            vehicle_id = parts[row][0].vehicle.vehicle_id
            view = _view(parts[row][1], corners[vehicle_id], projection, spec.fps, last_s)
            if len(view[0]):
                views.setdefault(vehicle_id, []).append(view)
        # Step 3: one passage for each visit of a vehicle
        for vehicle_id, of_vehicle in views.items():
            times_s, heights_px = (np.concatenate(each) for each in zip(*of_vehicle, strict=True))
            found += list(_split(vehicle_id, camera, times_s, heights_px, last_s))
    return sorted(found, key=lambda passage: (passage.vehicle_id, passage.enter_s, passage.camera))


def _bounds_m(segment: Segment) -> tuple[float, float, float, float]:
    return segment.x_m.min(), segment.y_m.min(), segment.x_m.max(), segment.y_m.max()


def _near(bounds_m: NDArray[np.float64], projection: Projection) -> NDArray[np.bool_]:
    """(N,) bool, True for segments whose bounds (N, 4) come within a camera's range."""
    place = np.array([projection.pose.x_m, projection.pose.y_m])
    off_m = np.maximum(np.maximum(bounds_m[:, :2] - place, place - bounds_m[:, 2:]), 0)
    return np.asarray(np.hypot(off_m[:, 0], off_m[:, 1]) < FAR_M)


def _view(segment: Segment, corners: Points, projection: Projection, fps: int, last_s: float) -> _View:
    """Times of the frames with a vehicle in view, and the height of its box in each, seconds and pixels."""
    first, last = np.ceil(segment.from_s * fps - 1e-6), np.floor(min(segment.to_s, last_s) * fps + 1e-6)
    times_s = np.arange(max(0.0, first), last + 1) / fps
    poses = segment.poses(times_s)
    worth = ahead(poses, projection)
    times_s, poses = times_s[worth], poses[worth]
    low, high, reachable = boxes(corners, poses, projection)
    size = np.array([projection.width, projection.height])
    seen = reachable & (high > 0).all(1) & (low < size).all(1)
    return times_s[seen], (high - low)[seen, 1]


def _split(
    vehicle_id: int, camera: int, times_s: NDArray[np.float64], heights_px: NDArray[np.float64], last_s: float
) -> Iterator[Passage]:
    """Split the times in view into one passage for each visit."""
    starts = [0, *(np.flatnonzero(np.diff(times_s) >= _AGAIN_S) + 1).tolist(), len(times_s)]
    for start, end in pairwise(starts):
        enter_s, leave_s = float(times_s[start]), float(times_s[end - 1])
        whole = enter_s > 0 and leave_s < last_s
        yield Passage(vehicle_id, camera, enter_s, leave_s, whole, float(heights_px[start:end].max()))


def ahead(poses: NDArray[np.float64], projection: Projection, reach_m: float = LONGEST_M) -> NDArray[np.bool_]:
    """(N,) bool, True where what is within `reach_m` of a pose (N, 3) could be in the image: most poses fail."""
    middle = np.concatenate([poses[:, :2], np.ones((len(poses), 1))], axis=1)
    depth_m = projection.depth_m(middle)
    turn = np.radians(projection.pose.yaw_deg)
    aside_m = (poses[:, 0] - projection.pose.x_m) * np.cos(turn) + (poses[:, 1] - projection.pose.y_m) * np.sin(turn)
    half = np.tan(np.radians(projection.pose.fov_deg / 2))
    return np.asarray((depth_m > -reach_m) & (np.abs(aside_m) < half * (np.maximum(depth_m, 0) + reach_m) + reach_m))


def boxes(
    corners: Points, poses: NDArray[np.float64], projection: Projection
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Boxes of a body at (N, 3) poses: least and most pixels (N, 2), and (N,) bool, True with some of it in front.

    corners: (8, 3) of the box around the body, metres, as `box_corners` has them. A pose is x_m, y_m, heading_deg.
    """
    turn = np.radians(poses[:, 2])
    aside, along, up = (corners[:, k, None] for k in range(3))
    x = aside * np.cos(turn) - along * np.sin(turn) + poses[:, 0]
    y = aside * np.sin(turn) + along * np.cos(turn) + poses[:, 1]
    points = np.stack([x, y, np.broadcast_to(up, x.shape)], axis=-1).reshape(-1, 3)
    pixels = projection.pixels(points).reshape(*x.shape, 2)
    reachable = (projection.depth_m(points).reshape(x.shape) > NEAR_M).any(0)
    return pixels.min(0), pixels.max(0), np.asarray(reachable)


@cache
def box_corners(model: Model) -> Points:
    """Corners (8, 3) of the box around a body, the middle of its front bumper at the origin; not to be changed."""
    half_m, height_m = model.width_m / 2, model.height_m
    corners = np.array([(x, y, z) for x in (-half_m, half_m) for y in (-model.length_m, 0.0) for z in (0.0, height_m)])
    corners.flags.writeable = False
    return corners


def to_world(points_m: Points, pose: tuple[float, float, float]) -> Points:
    """Move (N, 3) points of a body into the world; pose: (x_m, y_m, heading_deg)."""
    x_m, y_m, heading_deg = pose
    turn = np.radians(heading_deg)
    cosine, sine = np.cos(turn), np.sin(turn)
    x = points_m[:, 0] * cosine - points_m[:, 1] * sine + x_m
    y = points_m[:, 0] * sine + points_m[:, 1] * cosine + y_m
    return np.stack([x, y, points_m[:, 2]], axis=1)


def in_view(points_m: Points, projection: Projection) -> bool:
    """Test for a box around the pixels of (N, 3) world points that meets the image."""
    if not bool((projection.depth_m(points_m) > NEAR_M).any()):
        return False
    pixels = projection.pixels(points_m)
    low, high = pixels.min(0), pixels.max(0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < projection.width and low[1] < projection.height)
