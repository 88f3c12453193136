"""Street furniture: lamps, signals, signs, bollards, bins, rails, hedges, boards."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.mesh import Mesh, box, grid, join, sheet
from ingest.synthetic.scene.scene_object import SceneObject, TexturedMesh, square
from ingest.synthetic.scene.trees import tube
from ingest.synthetic.world.paths import beside, even
from ingest.synthetic.world.streets import Line

_MIDDLE = np.array([0.5, 0.5])
_STEEL = np.full((8, 8, 3), (118, 116, 114), np.uint8)
_DARK = np.full((8, 8, 3), (52, 54, 52), np.uint8)
_ZINC = np.full((8, 8, 3), (172, 172, 168), np.uint8)

Point = NDArray[np.float64]


def lamp_post(at: Point, to_road: Point, height_m: float, rng: np.random.Generator) -> SceneObject:
    """Build a street lamp: a post with an arm over the street. to_road: (2,) unit vector."""
    tip = at + to_road * 1.6
    arm = _bar(np.array([*at, height_m]), np.array([*tip, height_m + 0.25]), 0.05)
    head = box((tip[0] - 0.28, tip[1] - 0.28, height_m + 0.15), (tip[0] + 0.28, tip[1] + 0.28, height_m + 0.3), _MIDDLE)
    post = tube(0.085, height_m).moved(*at)
    texture = _STEEL if rng.random() < 0.6 else _DARK
    mesh = join([post, arm, head])
    footprint = np.concatenate([square(at, 0.15), square(tip, 0.3)])
    return SceneObject(
        (TexturedMesh(mesh, texture, lit=True),), _hull(footprint), (post.vertices_m,), np.array([*tip, height_m])
    )


def signal(at: Point, facing: Point) -> SceneObject:
    """Build a traffic signal. facing: (2,) unit vector towards those it is for."""
    post = tube(0.06, 3.4).moved(*at)
    across = np.array([-facing[1], facing[0]])
    front = at + facing * 0.2
    corners = [front + across * side for side in (0.17, -0.17)]
    face = sheet([(*corners[0], 2.5), (*corners[1], 2.5), (*corners[1], 3.4), (*corners[0], 3.4)], cell_m=9)
    back = box((at[0] - 0.17, at[1] - 0.17, 2.5), (at[0] + 0.17, at[1] + 0.17, 3.42), _MIDDLE)
    lights = np.full((48, 16, 3), 30, np.uint8)
    for row, colour in ((8, (40, 40, 220)), (24, (30, 70, 80)), (40, (40, 70, 36))):
        y, x = np.ogrid[:48, :16]
        lights[(y - row) ** 2 + (x - 8) ** 2 < 30] = colour
    pieces = (TexturedMesh(join([post, back]), _DARK, lit=True), TexturedMesh(face, lights, two_sided=True))
    return SceneObject(pieces, square(at, 0.3), (post.vertices_m, back.vertices_m))


def sign(at: Point, facing: Point, rng: np.random.Generator) -> SceneObject:
    """Build a traffic sign on a pole: a plain or striped board or a disc in the usual colours."""
    high_m = float(rng.uniform(2.1, 2.6))
    post = tube(0.035, high_m + 0.5).moved(*at)
    across = np.array([-facing[1], facing[0]])
    half_m = float(rng.uniform(0.28, 0.42))
    angle = np.linspace(0, 2 * np.pi, 4 if rng.random() < 0.25 else 17)[:-1] + np.pi / 2
    rim = np.stack([np.cos(angle), np.sin(angle)], 1)
    front = at + facing * 0.06
    points = np.concatenate([front + rim[:, :1] * half_m * across, high_m + half_m * rim[:, 1:]], axis=1)
    fan = np.stack([np.zeros(len(rim) - 2), np.arange(1, len(rim) - 1), np.arange(2, len(rim))], 1).astype(np.int32)
    normals = np.tile(np.array([*facing, 0.0]), (len(rim), 1)).astype(np.float32)
    face = Mesh(points.astype(np.float32), normals, (0.5 + 0.48 * rim).astype(np.float32), fan)
    pieces = (TexturedMesh(post, _ZINC, lit=True), TexturedMesh(face, _paint_sign(rng), gain=0.95, two_sided=True))
    return SceneObject(pieces, square(at, 0.4), (post.vertices_m, points))


def bollard(at: Point) -> SceneObject:
    """Build a short post."""
    post = tube(0.08, 0.95).moved(*at)
    cap = box((at[0] - 0.09, at[1] - 0.09, 0.92), (at[0] + 0.09, at[1] + 0.09, 1.02), _MIDDLE)
    return SceneObject((TexturedMesh(join([post, cap]), _DARK, lit=True),), square(at, 0.12), (post.vertices_m,))


def bin_(at: Point, rng: np.random.Generator) -> SceneObject:
    """Build a litter bin or a cabinet."""
    half_m, high_m = (0.28, 0.95) if rng.random() < 0.6 else (0.45, 1.35)
    colours = ((60, 84, 48), (70, 70, 72), (140, 148, 150), (110, 70, 40))
    paint = np.full((8, 8, 3), colours[int(rng.integers(len(colours)))], np.uint8)
    body = box((at[0] - half_m, at[1] - half_m, 0), (at[0] + half_m, at[1] + half_m, high_m), _MIDDLE)
    return SceneObject((TexturedMesh(body, paint, lit=True),), square(at, half_m), (body.vertices_m,))


def rail(line: Line, *, guard: bool) -> SceneObject:
    """Build a railing along a line, or the beam of a crash barrier."""
    line = even(line, 2.0)
    heights = (0.62,) if guard else (0.45, 1.05)
    thick_m, tall_m = (0.05, 0.3) if guard else (0.025, 0.05)
    parts = [_ribbon(line, low_m, low_m + tall_m, thick_m) for low_m in heights]
    parts += [tube(0.06 if guard else 0.03, 0.85 if guard else 1.08, 4).moved(*at) for at in line]
    texture = _ZINC if guard else _DARK
    return SceneObject(
        (TexturedMesh(join(parts), texture, lit=True),), _hull(line), tuple(part.vertices_m for part in parts)
    )


def wall_along(line: Line, height_m: float, thick_m: float, texture: Image) -> SceneObject:
    """Build a hedge, a garden wall or a noise barrier along a line."""
    line = even(line, 2.5)
    left, right = beside(line, thick_m / 2), beside(line, -thick_m / 2)
    parts = []
    for base, flip in ((left, True), (right, False)):
        low, high = (np.concatenate([base, np.full((len(base), 1), level)], 1) for level in (0.0, height_m))
        u = np.linspace(0, max(1.0, len(line) * 0.6), len(line))
        uv = np.stack([np.stack([u, np.zeros_like(u)], 1), np.stack([u, np.ones_like(u)], 1)], 1)
        parts.append(grid(np.stack([low, high], 1), uv, flip=flip))
    top = np.stack([np.concatenate([each, np.full((len(line), 1), height_m)], 1) for each in (right, left)], 1)
    parts.append(grid(top, np.full((len(line), 2, 2), 0.5)))
    outline = np.concatenate([left, right])
    solid = np.concatenate([parts[0].vertices_m, parts[1].vertices_m])
    return SceneObject((TexturedMesh(join(parts), texture, lit=True, two_sided=True),), _hull(outline), (solid,))


def billboard(at: Point, facing: Point, rng: np.random.Generator) -> SceneObject:
    """Build a large poster on two legs."""
    across = np.array([-facing[1], facing[0]])
    wide, low, high = 2.4, 2.2, 4.9
    legs = [tube(0.1, low + 0.3).moved(*(at + across * side)) for side in (-1.6, 1.6)]
    first, second = at + across * wide, at - across * wide
    face = sheet([(*first, low), (*second, low), (*second, high), (*first, high)])
    pieces = (
        TexturedMesh(join(legs), _STEEL, lit=True),
        TexturedMesh(face, _paint_poster(rng), gain=0.95, two_sided=True),
    )
    return SceneObject(
        pieces, _hull(np.stack([first, second, first + facing * 0.1, second + facing * 0.1])), (face.vertices_m,)
    )


def _bar(start: Point, end: Point, half_m: float) -> Mesh:
    """Build a thin bar between two points, level or nearly so."""
    way = (end - start)[:2] / max(1e-6, float(np.linalg.norm((end - start)[:2])))
    across = np.array([-way[1], way[0], 0]) * half_m
    up = np.array([0, 0, half_m])
    corners = [sign_a * across + sign_b * up for sign_a, sign_b in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    points = np.stack([[start + corner, end + corner] for corner in corners])
    return grid(points, np.full((5, 2, 2), 0.5), flip=True)


def _ribbon(line: Line, low_m: float, high_m: float, thick_m: float) -> Mesh:
    """Build an upright band along a line, both faces and its top."""
    left, right = beside(line, thick_m), beside(line, -thick_m)
    ring = [(right, low_m), (right, high_m), (left, high_m), (left, low_m)]
    points = np.stack([np.concatenate([base, np.full((len(base), 1), level)], 1) for base, level in ring], 1)
    return grid(points, np.full((len(line), 4, 2), 0.5))


def _hull(points: Line) -> Line:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def _paint_sign(rng: np.random.Generator) -> Image:
    image = np.full((32, 32, 3), 232, np.uint8)
    y, x = np.mgrid[:32, :32] - 15.5
    distance = np.hypot(x, y)
    kind = int(rng.integers(4))
    if kind == 0:
        image[distance > 10.5] = (36, 30, 196)
        image[(abs(x) < 5) & (abs(y) < 5)] = 50
    elif kind == 1:
        image[:] = (168, 88, 24)
        image[(abs(x + y) < 4) & (distance < 11)] = 235
    elif kind == 2:
        image[:] = (36, 30, 190)
        image[abs(y) < 3.5] = 235
    else:
        image[distance > 12] = (30, 30, 30)
        image[(abs(x) < 8) & (abs(y) < 2)] = 60
    return image


def _paint_poster(rng: np.random.Generator) -> Image:
    image = np.empty((64, 128, 3), np.uint8)
    image[:] = rng.integers(40, 235, 3)
    for _ in range(7):
        x, y = int(rng.integers(0, 110)), int(rng.integers(0, 54))
        image[y : y + int(rng.integers(4, 30)), x : x + int(rng.integers(8, 60))] = rng.integers(20, 245, 3)
    image[:2], image[-2:], image[:, :2], image[:, -2:] = 220, 220, 220, 220
    return image
