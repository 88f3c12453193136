"""What stands beside the road: houses, trees, lamp posts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.cameras import CameraPose
from ingest.synthetic.ground import PAVEMENT_M, texture_noise
from ingest.synthetic.mesh import Mesh, grid, join, sheet
from ingest.synthetic.traffic import Road

_REACH_M = 130.0
_STOREY_M = 3.2
_WINDOW_PX = 64
_WALLS_BGR = ((110, 130, 150), (95, 110, 165), (170, 175, 180), (120, 120, 125), (140, 165, 185))


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of the scenery: triangles, their texture, whether lit, and whether they may hide vehicles."""

    mesh: Mesh
    texture: Image
    lit: bool = False
    occludes: bool = False


def draw_scenery(
    road: Road, pose: CameraPose, sun: tuple[float, float, float], rng: np.random.Generator
) -> list[Piece]:
    """The surroundings of one camera, from its feet to the horizon."""
    pieces = []
    for side in (-1, 1):
        pieces += _draw_street(side, pose, sun, rng)
    pieces += _draw_trees(road, pose, rng)
    pieces += _draw_posts(road, pose, rng)
    return pieces


def _draw_street(side: int, pose: CameraPose, sun: tuple[float, float, float], rng: np.random.Generator) -> list[Piece]:
    """A row of houses with gaps."""
    pieces: list[Piece] = []
    y = pose.y_m - 5.0
    while y < pose.y_m + _REACH_M:
        length_m, height_m = rng.uniform(8, 18), rng.uniform(7, 16)
        wall_x = side * rng.uniform(11.0, 13.5)
        light = 0.72 if side * sun[0] > 0 else 1.0
        if rng.random() < 0.8:
            pieces += _draw_house(side, wall_x, (y, y + length_m), height_m, light, rng)
        y += length_m + (4.0 if rng.random() < 0.33 else 0.0)
    return pieces


def _draw_house(
    side: int, x: float, span_y: tuple[float, float], height_m: float, light: float, rng: np.random.Generator
) -> list[Piece]:
    near, far = span_y
    back = x + side * 12
    floors, bays = max(2, int(height_m / _STOREY_M)), max(2, int((far - near) / 3))
    facade = _paint_facade(floors, bays, rng)
    front = (near, far) if side < 0 else (far, near)
    street = sheet([(x, front[0], 0), (x, front[1], 0), (x, front[1], height_m), (x, front[0], height_m)])
    gable_x = (back, x) if side < 0 else (x, back)
    gable = sheet(
        [
            (gable_x[0], near, 0),
            (gable_x[1], near, 0),
            (gable_x[1], near, height_m),
            (gable_x[0], near, height_m),
        ]
    )
    low, high = min(x, back), max(x, back)
    roof = sheet([(low, near, height_m), (high, near, height_m), (high, far, height_m), (low, far, height_m)])
    return [
        Piece(street, _scaled(facade, light)),
        Piece(gable, _scaled(facade[:, : 2 * _WINDOW_PX], 0.8)),
        Piece(roof, np.full((8, 8, 3), 104, np.uint8)),
    ]


def _scaled(image: Image, gain: float) -> Image:
    return np.asarray(np.clip(image * gain, 0, 255), np.uint8)


def _paint_facade(floors: int, bays: int, rng: np.random.Generator) -> Image:
    """Windows in a wall above a row of shops or garages; (H, W, 3) uint8."""
    height, width = floors * _WINDOW_PX + 32, bays * _WINDOW_PX
    base = np.array(_WALLS_BGR[int(rng.integers(len(_WALLS_BGR)))], np.float32)
    wall = base + texture_noise(rng, (height, width), ((1, 6), (16, 5)))[..., None]
    wall[::6] -= 6
    warm = np.array((1.05, 1.0, 0.95), np.float32)
    for floor in range(floors):
        for bay in range(bays):
            x, y = bay * _WINDOW_PX + 16, floor * _WINDOW_PX + 14
            sky = rng.uniform(30, 90)
            wall[y - 3 : y + 41, x - 3 : x + 35] = base * 1.2 + 15
            wall[y : y + 38, x : x + 32] = np.linspace(sky + 40, sky, 38)[:, None, None] * warm
            wall[y + 18 : y + 20, x : x + 32] = base * 1.25
            wall[y : y + 38, x + 15 : x + 17] = base * 1.25
    wall[-44:] = wall[-44:] * 0.3 + rng.uniform(20, 90, 3) * 0.7
    for bay in range(bays):
        left = bay * _WINDOW_PX
        wall[-40:-2, left + 6 : left + 58] = np.array((60, 58, 55)) + rng.uniform(0, 60)
    return np.asarray(np.clip(wall, 0, 255), np.uint8)


def _draw_trees(road: Road, pose: CameraPose, rng: np.random.Generator) -> list[Piece]:
    """Trees behind the pavements; none close to the camera, where a crown would fill the picture."""
    pieces = []
    edge_m = 2 * road.lane_width_m + PAVEMENT_M
    for number in range(int(rng.integers(7, 11))):
        side = 1 if number % 2 else -1
        x = side * (edge_m - rng.uniform(0.3, 2.2))
        y = pose.y_m + rng.uniform(20 if side * pose.x_m < 0 else 30, 85)
        height_m = rng.uniform(4.5, 8.0)
        pieces += _draw_tree(x, y, height_m, rng)
    return pieces


def _draw_tree(x: float, y: float, height_m: float, rng: np.random.Generator) -> list[Piece]:
    trunk = _tube(0.16, height_m * 0.6).moved(x, y)
    blobs = []
    radius_m = height_m * 0.24
    for _ in range(6):
        offset = rng.normal(0, 0.5, 3) * radius_m * [1, 1, 0.7]
        blob = _blob(radius_m * rng.uniform(0.6, 1.0), rng)
        blobs.append(blob.moved(x + offset[0], y + offset[1], height_m * 0.68 + offset[2]))
    bark = np.full((8, 8, 3), (46, 58, 70), np.uint8)
    return [
        Piece(trunk, bark, lit=True, occludes=True),
        Piece(join(blobs), _paint_leaves(rng), lit=True, occludes=True),
    ]


def _tube(radius_m: float, height_m: float, segments: int = 6) -> Mesh:
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle), np.zeros_like(angle)], 1)
    points = np.stack([ring, ring + np.array([0, 0, height_m])], axis=1)
    return grid(points, np.zeros((segments + 1, 2, 2)))


def _blob(radius_m: float, rng: np.random.Generator, rows: int = 11, columns: int = 18) -> Mesh:
    """A lumpy ball of leaves."""
    up = np.linspace(-np.pi / 2, np.pi / 2, rows)
    around = np.linspace(0, 2 * np.pi, columns)
    radius = radius_m * (1 + rng.normal(0, 0.13, (columns, rows)))
    radius[-1], radius[:, 0], radius[:, -1] = radius[0], radius_m, radius_m
    direction = np.stack(
        np.broadcast_arrays(
            np.cos(around)[:, None] * np.cos(up), np.sin(around)[:, None] * np.cos(up), np.sin(up)[None]
        ),
        -1,
    )
    uv = np.stack(np.broadcast_arrays(np.linspace(0, 2, columns)[:, None], np.linspace(0, 1, rows)[None]), -1)
    return grid(direction * radius[..., None], uv)


def _paint_leaves(rng: np.random.Generator) -> Image:
    base = np.array((36, 74, 62)) * rng.uniform(0.85, 1.15)
    tone: NDArray[np.float32] = 1 + texture_noise(rng, (128, 128), ((2, 0.28), (5, 0.25), (16, 0.12)))
    return np.clip(base * np.clip(tone, 0.25, 1.9)[..., None], 0, 255).astype(np.uint8)


def _draw_posts(road: Road, pose: CameraPose, rng: np.random.Generator) -> list[Piece]:
    """Lamp posts at the kerbs."""
    grey = np.full((8, 8, 3), (82, 79, 77), np.uint8)
    pieces = []
    for _ in range(3):
        side = 1 if rng.random() < 0.5 else -1
        x, y = side * (2 * road.lane_width_m + 0.7), pose.y_m + rng.uniform(20, 60)
        pieces.append(Piece(_tube(0.07, 8.0).moved(x, y), grey, lit=True, occludes=True))
    return pieces
