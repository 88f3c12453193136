"""The outline of a body in the image, and the pixels that the renderer makes of it."""

from functools import cache

import cv2
import numpy as np

from ingest.synthetic.camera.spec import NEAR_M, Points, Projection
from ingest.synthetic.render.rects import Rect
from ingest.synthetic.render.shadows import Polygon

_DIRECTIONS = 64


def outline(points_m: Points, projection: Projection) -> Polygon:
    """Project a body of (V, 3) world points to its convex outline (N, 2) in pixels, also beyond the image.

    What lies nearer than the renderer draws is cut off.
    """
    depth_m = projection.depth_m(points_m)
    near = depth_m < NEAR_M
    if near.any():
        points_m = np.concatenate([points_m[~near], _section(points_m, depth_m)])
    if not len(points_m):
        return np.empty((0, 2), np.float32)
    return np.asarray(cv2.convexHull(projection.pixels(points_m).astype(np.float32))[:, 0], np.float32)


def _section(points_m: Points, depth_m: Points) -> Points:
    """Points on the near plane around the section of it and the convex hull of a body: (N, 3).

    Taken are the body's farthest points in many directions, and the lines between those on either side of the plane.
    """
    farthest = np.unique(np.argmax(points_m @ directions(_DIRECTIONS).T, axis=0))
    points_m, beyond_m = points_m[farthest], depth_m[farthest] - NEAR_M
    ahead, behind = beyond_m >= 0, beyond_m < 0
    share = beyond_m[ahead][:, None] / (beyond_m[ahead][:, None] - beyond_m[behind])
    lines = points_m[behind] - points_m[ahead][:, None]
    return np.asarray((points_m[ahead][:, None] + share[..., None] * lines).reshape(-1, 3))


@cache
def directions(count: int) -> Points:
    """Unit vectors (N, 3), evenly spread: a Fibonacci lattice."""
    number = np.arange(count) + 0.5
    height, angle = 1 - 2 * number / count, np.pi * (1 + 5**0.5) * number
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


def drawn_box(hull: Polygon, width: int, height: int) -> Rect:
    """Rectangle of the pixels that the renderer draws of an outline in an image of that size, also beyond it.

    The software pipe stretches an image over half a pixel less than it has, drops what is behind the point of a
    corner's coordinates, and draws both ends of a span (zbuffer and clip of TinyGL, on which it builds).
    """
    scale = np.array([(width - 0.5) / width, (height - 0.5) / height])
    (left, top), (right, bottom) = (
        np.floor(corner * scale).astype(int).tolist() for corner in (hull.min(0), hull.max(0))
    )
    return left, top, right + 1, bottom + 1
