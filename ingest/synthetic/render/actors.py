"""The vehicles in front of a camera: their outlines, shadows and motion in the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ingest.synthetic.camera.passages import LONGEST_M, ahead, box_corners, in_view, to_world
from ingest.synthetic.camera.spec import Points, Projection
from ingest.synthetic.render.lamps import Glow, glows_of
from ingest.synthetic.render.outline import outline
from ingest.synthetic.render.rects import Rect, around
from ingest.synthetic.render.shadows import Polygon, cast_shadow, contact_shadow
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.vehicle.paint.lamp_places import lamp_places
from ingest.synthetic.vehicle.shape import mesh_of
from ingest.synthetic.world.weather import Weather

Pose = tuple[float, float, float]
"""(x_m, y_m, heading_deg) of the middle of the front bumper."""

_NOWHERE = np.empty((0, 2), np.float32)


@dataclass(frozen=True, slots=True)
class PlacedVehicle:
    """A vehicle at a place in the world, at a speed along its heading."""

    vehicle: Vehicle
    pose: Pose
    speed_mps: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One vehicle in front of the camera.

    hull: (N, 2) float32 pixels, the convex outline of the whole body, also beyond the image. cast, contact: its
    shadows in the sun and under the body. depth_m: how far away it is. smear_px: (2,) its way in the image while the
    shutter is open. glows: its lamps, when they are on.
    """

    placed: PlacedVehicle
    hull: Polygon
    cast: Polygon
    contact: Polygon
    depth_m: float
    smear_px: Points
    glows: tuple[Glow, ...]

    @property
    def vehicle_id(self) -> int:
        """The vehicle's id."""
        return self.placed.vehicle.vehicle_id

    def reach(self, pad_px: int, width: int, height: int) -> Rect:
        """Rectangle of an image of (width, height) that the vehicle changes, with a margin of `pad_px`."""
        points = [self.hull, self.cast, self.contact, *(glow.extent_px for glow in self.glows)]
        return around(np.concatenate(points), pad_px + int(np.abs(self.smear_px).max() / 2), width, height)


def close_by(placed: Sequence[PlacedVehicle], weather: Weather, projection: Projection) -> list[PlacedVehicle]:
    """Leave out the vehicles that are far from all that the camera sees, shadows included: most of a city's."""
    if not placed:
        return []
    shadow_m = _TALLEST_M * float(np.hypot(*weather.sun[:2])) / weather.sun[2] if weather.sunny else 0.0
    near = ahead(np.array([each.pose for each in placed]), projection, LONGEST_M + shadow_m)
    return [each for each, wanted in zip(placed, near.tolist(), strict=True) if wanted]


def may_be_seen(placed: PlacedVehicle, weather: Weather, projection: Projection) -> bool:
    """Test for a vehicle that may be in the image, itself or by its shadow."""
    corners = to_world(box_corners(placed.vehicle.model), placed.pose)
    if not weather.sunny:
        return in_view(corners, projection)
    shadow = corners.copy()
    shadow[:, :2] -= corners[:, 2:3] * np.array(weather.sun[:2]) / weather.sun[2]
    shadow[:, 2] = 0
    return in_view(np.concatenate([corners, shadow]), projection)


def make_actor(placed: PlacedVehicle, weather: Weather, projection: Projection, shutter_s: float) -> Actor:
    """Make the actor of a placed vehicle: outline, shadows, blur and lamps in the image.

    shutter_s: time for which the shutter is open; 0 blurs nothing.
    """
    # Step 1: points that can be on the outline, in the world
    shell_m, low_m = _shell_of(placed.vehicle)
    points_m = to_world(shell_m, placed.pose)
    middle = points_m.mean(0, keepdims=True)
    # Step 2: the way of its middle in the image while the shutter is open
    smear_px = np.zeros(2)
    if shutter_s * placed.speed_mps:
        turn = np.radians(placed.pose[2])
        way_m = shutter_s * placed.speed_mps * np.array([[-np.sin(turn), np.cos(turn), 0.0]])
        smear_px = np.diff(projection.pixels(np.concatenate([middle - way_m / 2, middle + way_m / 2])), axis=0)[0]
        smear_px = np.clip(smear_px, -_LONGEST_SMEAR_PX, _LONGEST_SMEAR_PX)
    # Step 3: outline, shadows and lamps in the image
    return Actor(
        placed,
        hull=outline(points_m, projection),
        cast=cast_shadow(points_m, weather.sun, projection) if weather.sunny else _NOWHERE,
        contact=contact_shadow(to_world(low_m, placed.pose), projection),
        depth_m=float(projection.depth_m(middle)[0]),
        smear_px=smear_px,
        glows=glows_of(*lamp_places(placed.vehicle.model), placed.pose, projection) if weather.dark else (),
    )


@lru_cache(maxsize=512)
def _shell_of(vehicle: Vehicle) -> tuple[Points, Points]:
    """Points of a body that can be on its outline, (N, 3), and the outline of its parts close to the ground."""
    points_m = mesh_of(vehicle).vertices_m.astype(np.float64)
    outer: set[int] = set()
    for turn in np.linspace(0, np.pi, 16, endpoint=False):
        for tilt in (0.0, 0.22, 0.45, 0.75, 1.15, np.pi / 2):
            right = np.array([np.cos(turn), np.sin(turn), 0.0])
            up = np.array([-np.sin(turn) * np.sin(tilt), np.cos(turn) * np.sin(tilt), np.cos(tilt)])
            flat = (points_m @ np.stack([right, up], 1)).astype(np.float32)
            outer.update(cv2.convexHull(flat, returnPoints=False)[:, 0].tolist())
    low = points_m[points_m[:, 2] < _CONTACT_BELOW_M]
    rim = cv2.convexHull(low[:, :2].astype(np.float32), returnPoints=False)[:, 0]
    return points_m[sorted(outer)], low[rim]


_CONTACT_BELOW_M = 0.9
_TALLEST_M = 5.0
_LONGEST_SMEAR_PX = 24.0
