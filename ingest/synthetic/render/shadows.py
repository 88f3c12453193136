"""Shadows of vehicles on the ground, as polygons in the image."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import NEAR_M, Points, Projection
from ingest.synthetic.world.paths import cut

SPREAD_PX = 13
"""Reach of a blurred shadow beyond its polygon."""

_CAST_STRENGTH = 0.465
_CONTACT_STRENGTH = 0.675
_CAST_BLUR_PX, _CONTACT_BLUR_PX = 1.2, 3.0
_SHIFT = 4

Polygon = NDArray[np.float32]
"""(N, 2) pixels; N is 0 when nothing is before the camera."""


def cast_shadow(points_m: Points, sun: tuple[float, float, float], projection: Projection) -> Polygon:
    """Cast the shadow of a body, given by (V, 3) world points, in the light of a sun in direction `sun`."""
    slope = np.array(sun[:2]) / sun[2]
    return project_ground(points_m[:, :2] - points_m[:, 2:3] * slope, projection)


def contact_shadow(low_m: Points, projection: Projection) -> Polygon:
    """Make the dark place under a body, given by the (V, 3) world points of its lower parts."""
    middle = low_m[:, :2].mean(0)
    return project_ground((low_m[:, :2] - middle) * 1.02 + middle, projection)


def light_left(
    cast: Sequence[Polygon],
    contact: Sequence[Polygon],
    foreground: NDArray[np.uint8],
    shade: NDArray[np.uint8],
    corner_px: tuple[int, int],
) -> NDArray[np.uint8]:
    """Draw the light that the shadows leave in a part of the image, (h, w) uint8, 255 is all.

    foreground: (h, w) uint8 of that part, 255 where no ground is seen: no shadow falls there. shade: the same, 255
    where there is shade already. corner_px: its upper left corner.
    """
    shape, corner = (foreground.shape[0], foreground.shape[1]), np.array(corner_px, np.float32)
    light = _draw(contact, corner, shape, _CONTACT_STRENGTH, _CONTACT_BLUR_PX)
    if any(len(polygon) for polygon in cast):
        cast_part = cv2.max(_draw(cast, corner, shape, _CAST_STRENGTH, _CAST_BLUR_PX), shade)
        light = np.asarray(cv2.multiply(cast_part, light, scale=1 / 255), np.uint8)
    return np.asarray(cv2.max(light, foreground), np.uint8)


def _draw(
    polygons: Sequence[Polygon], corner: Polygon, shape: tuple[int, int], strength: float, blur_px: float
) -> NDArray[np.uint8]:
    light = np.full(shape, 255, np.uint8)
    for polygon in polygons:
        if len(polygon) >= 3:
            fixed = np.round((polygon - corner) * (1 << _SHIFT)).astype(np.int32)
            cv2.fillConvexPoly(light, fixed, round(255 * (1 - strength)), cv2.LINE_AA, _SHIFT)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), blur_px), np.uint8)


def project_ground(ground_m: Points, projection: Projection) -> Polygon:
    """Project the convex hull of points (N, 2) on the ground, cut off behind the near plane, to pixels."""
    hull = cv2.convexHull(ground_m.astype(np.float32))[:, 0].astype(np.float64)
    points = np.concatenate([hull, np.zeros((len(hull), 1))], axis=1)
    points = cut(points, projection.depth_m(points) - NEAR_M)
    if not len(points):
        return np.empty((0, 2), np.float32)
    return projection.pixels(points).astype(np.float32)
