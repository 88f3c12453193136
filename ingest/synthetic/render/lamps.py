"""Lamps of vehicles in the dark: their shine in the image, and their light on the road."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.passages import to_world
from ingest.synthetic.camera.spec import Points, Projection
from ingest.synthetic.render.shadows import Polygon, project_ground

_HEAD_BGR, _TAIL_BGR = np.array((205.0, 235, 255)), np.array((40.0, 30, 255))
_SPRITE_PX = 64
_BEAMS_M = ((4.0, 1.1, 0.2), (7.0, 1.7, 0.2), (11.0, 2.4, 0.16), (16.0, 3.0, 0.1))
"""The pool before a vehicle as nested shapes: how far it reaches, half its width, its light."""


@dataclass(frozen=True, slots=True, eq=False)
class Glow:
    """One lamp in the image, or the light it throws on the road.

    extent_px: (N, 2) what it covers. level: brightness from 0 to 1. beam: whether it is light on the road.
    """

    extent_px: Polygon
    bgr: NDArray[np.float64]
    level: float
    beam: bool = False


def glows_of(
    head_m: Points, tail_m: Points, pose: tuple[float, float, float], projection: Projection
) -> tuple[Glow, ...]:
    """Make the glows of a vehicle: its lamps that shine towards the camera, and the pool of light before it.

    head_m, tail_m: (N, 3) middles of its lamps in its own coordinates. pose: x_m, y_m, heading_deg.
    """
    turn = np.radians(pose[2])
    ahead = np.array([-np.sin(turn), np.cos(turn), 0.0])
    glows = []
    # Step 1: the pool of light on the road, as nested shapes
    for reach_m, half_m, level in _BEAMS_M:
        ground = np.array([(-0.6, 0.6), (0.6, 0.6), (half_m, reach_m * 0.7), (half_m * 0.5, reach_m),
                           (-half_m * 0.5, reach_m), (-half_m, reach_m * 0.7)])  # fmt: skip
        points = to_world(np.concatenate([ground, np.zeros((6, 1))], axis=1), pose)
        outline = project_ground(points[:, :2], projection)
        if len(outline) >= 3:
            glows.append(Glow(outline, _HEAD_BGR, level, beam=True))
    # Step 2: each lamp that faces the camera, and its mirror image below the road, of level -1, for wet weather
    eye = np.array([projection.pose.x_m, projection.pose.y_m, projection.pose.z_m])
    for lamps_m, direction, bgr, reach_m in ((head_m, ahead, _HEAD_BGR, 0.75), (tail_m, -ahead, _TAIL_BGR, 0.38)):
        for lamp_m in to_world(lamps_m.astype(np.float64), pose):
            to_eye = eye - lamp_m
            facing = float(to_eye @ direction / np.linalg.norm(to_eye))
            depth_m = float(projection.depth_m(lamp_m[None])[0])
            if facing <= 0.05 or depth_m < 2.5:
                continue
            centre = projection.pixels(lamp_m[None])[0]
            radius = np.clip(reach_m * projection.focal_px / depth_m, 3.0, 60.0) * (0.55 + 0.45 * facing)
            corners = centre + radius * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            glows.append(Glow(corners.astype(np.float32), bgr, 0.45 + 0.55 * facing))
            mirrored = projection.pixels(lamp_m[None] * np.array([1, 1, -1]))[0]
            half = np.array([radius * 0.4, radius * 1.6])
            corners = mirrored + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            glows.append(Glow(corners.astype(np.float32), bgr, -1.0))
    return tuple(glows)


def light_road(shape: tuple[int, int], glows: list[Glow], corner: Polygon) -> NDArray[np.uint8]:
    """Draw the light of beams on a part of the road, (h, w) uint8. corner: (2,) its upper left pixel."""
    light = np.zeros(shape, np.uint8)
    for glow in glows:
        layer = np.zeros(shape, np.uint8)
        cv2.fillPoly(layer, [np.round((glow.extent_px - corner) * 16).astype(np.int32)], round(90 * glow.level), 16, 4)
        cv2.add(light, layer, dst=light)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 4.0), np.uint8)


def add_glow(image: Image, glow: Glow, corner: Polygon, level: float) -> None:
    """Add the shine of a lamp to a part of the image, in place."""
    low, high = (np.round(glow.extent_px[corner_of] - corner).astype(int) for corner_of in (0, 2))
    size = np.maximum(high - low, 2)
    start, end = np.maximum(low, 0), np.minimum(low + size, np.array(image.shape[1::-1]))
    if (end <= start).any():
        return
    sprite = cv2.resize(_sprite(), (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    piece = sprite[start[1] - low[1] : end[1] - low[1], start[0] - low[0] : end[0] - low[0], None]
    # The middle of a lamp is beyond what a sensor can tell apart: white, whatever its colour
    shine = level * (piece * glow.bgr + 170 * np.clip(piece - 0.6, 0, 1) ** 1.0 * 2.5)
    part = image[start[1] : end[1], start[0] : end[0]]
    cv2.add(part, np.clip(shine, 0, 255).astype(np.uint8), dst=part)


@cache
def _sprite() -> NDArray[np.float32]:
    y, x = (np.mgrid[:_SPRITE_PX, :_SPRITE_PX] + 0.5) / _SPRITE_PX * 2 - 1
    distance = np.hypot(x, y)
    core = np.exp(-((distance / 0.22) ** 2))
    halo = 0.42 * np.clip(1 - distance, 0, 1) ** 2.2
    return np.asarray(np.clip(core + halo, 0, 1), np.float32)
