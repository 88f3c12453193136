"""When each camera sees each vehicle, from the geometry alone, without rendering."""

from dataclasses import dataclass

import numpy as np

from ingest.synthetic.cameras import NEAR_M, Points, Projection
from ingest.synthetic.models import Model
from ingest.synthetic.presets import Preset, trips_of


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle in view of one camera; times in seconds since the start of the world.

    `whole` tells whether the vehicle came in and went out within the duration of the preset.
    """

    vehicle_id: int
    camera: int
    enter_s: float
    leave_s: float
    whole: bool


def passages(preset: Preset) -> list[Passage]:
    """All passages of a preset by vehicle, then time, at the resolution of one frame.

    A vehicle is in view while a part of the box around it can be in the picture; scenery is not considered.
    """
    found = []
    for trip in trips_of(preset):
        corners = box_corners(trip.vehicle.model)
        for camera, spec in enumerate(preset.cameras):
            projection = Projection(spec.pose, spec.width, spec.height)
            times_s = np.arange(preset.frame_count(spec)) / spec.fps
            seen = np.zeros(len(times_s), bool)
            for row, time_s in enumerate(times_s):
                pose = trip.pose(float(time_s))
                seen[row] = pose is not None and in_view(place(corners, pose), projection)
            rows = np.flatnonzero(seen)
            if len(rows):
                whole = bool(rows[0] > 0 and rows[-1] < len(times_s) - 1)
                span = float(times_s[rows[0]]), float(times_s[rows[-1]])
                found.append(Passage(trip.vehicle.vehicle_id, camera, *span, whole))
    return sorted(found, key=lambda passage: (passage.vehicle_id, passage.enter_s))


def box_corners(model: Model) -> Points:
    """The (8, 3) corners of the box around a body, the middle of its front bumper at the origin."""
    half_m = model.width_m / 2
    return np.array(
        [(x, y, z) for x in (-half_m, half_m) for y in (-model.length_m, 0.0) for z in (0.0, model.height_m)]
    )


def place(points_m: Points, pose: tuple[float, float, float]) -> Points:
    """Move (N, 3) points of a body into the world; pose: (x_m, y_m, heading_deg)."""
    x_m, y_m, heading_deg = pose
    turn = np.radians(heading_deg)
    cosine, sine = np.cos(turn), np.sin(turn)
    x = points_m[:, 0] * cosine - points_m[:, 1] * sine + x_m
    y = points_m[:, 0] * sine + points_m[:, 1] * cosine + y_m
    return np.stack([x, y, points_m[:, 2]], axis=1)


def in_view(points_m: Points, projection: Projection) -> bool:
    """Whether the box around the pixels of (N, 3) world points meets the picture."""
    if not bool((projection.depth_m(points_m) > NEAR_M).any()):
        return False
    pixels = projection.pixels(points_m)
    low, high = pixels.min(0), pixels.max(0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < projection.width and low[1] < projection.height)
