"""Trees of several kinds: trunks, and crowns of many small leaf-covered facets."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.mesh import Floats, Mesh, grid
from ingest.synthetic.scene.scene_object import SceneObject, TexturedMesh

_FACETS = 52


@dataclass(frozen=True, slots=True)
class Species:
    """Species of tree: its colour, and its crown as shares of the height (begin, width), with its number of lumps."""

    leaf_bgr: tuple[float, float, float]
    crown_from: float
    width: float
    lumps: int


SPECIES = {
    "plane": Species((44, 96, 84), 0.44, 0.58, 8),
    "lime": Species((38, 84, 64), 0.30, 0.46, 7),
    "poplar": Species((40, 80, 66), 0.14, 0.22, 7),
    "pine": Species((42, 68, 48), 0.66, 0.62, 7),
    "maple": Species((40, 78, 92), 0.34, 0.5, 6),
}


def grow_tree(x_m: float, y_m: float, height_m: float, name: str, rng: np.random.Generator) -> SceneObject:
    """Grow a tree of a species; its crown reaches about half the width of its species to each side of the trunk."""
    # Step 1: the crown, lumps of leaves around the trunk from its lower end to the top
    species = SPECIES[name]
    low, radius = species.crown_from * height_m, species.width * height_m / 2
    lumps: list[Mesh] = []
    clouds: list[Floats] = []
    depth = (height_m - low) / 2
    for number in range(species.lumps):
        turn = rng.uniform(0, 2 * np.pi) + number * 2.4
        level = (number + 0.5) / species.lumps * 2 - 1
        out = radius * 0.55 * np.sqrt(max(0.05, 1 - level**2)) * rng.uniform(0.6, 1.1)
        centre = np.array([x_m + out * np.cos(turn), y_m + out * np.sin(turn), low + depth * (1 + 0.72 * level)])
        axes = np.array([radius * 0.52, radius * 0.52, max(depth * 0.38, radius * 0.22)]) * rng.uniform(0.8, 1.15)
        lumps += [_leaves(centre, axes, rng)]
        clouds.append(_ball(centre, axes * 0.86, 6, 4).vertices_m)
    # Step 2: dark balls within the lumps, and the trunk
    inner = [_ball(cloud.mean(0), (cloud.max(0) - cloud.min(0)) / 2 * 0.9, 7, 5) for cloud in clouds]
    texture = _paint_leaves(name, int(rng.integers(3)))
    bark = np.full((8, 8, 3), (52, 64, 74), np.uint8)
    trunk = tube(0.05 + 0.018 * height_m, low + depth * 0.8).moved(x_m, y_m)
    pieces = [TexturedMesh(trunk, bark, lit=True), *(TexturedMesh(mesh, _dark(name), lit=True) for mesh in inner)]
    pieces += [TexturedMesh(mesh, texture, lit=True, two_sided=True) for mesh in lumps]
    ring = np.linspace(0, 2 * np.pi, 9)[:-1]
    footprint = np.array([x_m, y_m]) + radius * 1.1 * np.stack([np.cos(ring), np.sin(ring)], 1)
    return SceneObject(tuple(pieces), footprint, (*clouds, trunk.vertices_m))


def tube(radius_m: float, height_m: float, segments: int = 6) -> Mesh:
    """Make an upright tube on the origin, open at its ends."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle), np.zeros_like(angle)], 1)
    points = np.stack([ring, ring + np.array([0, 0, height_m])], axis=1)
    return grid(points, np.zeros((segments + 1, 2, 2)))


def _leaves(centre: Floats, axes: Floats, rng: np.random.Generator) -> Mesh:
    """Make small facets over an ellipsoid, each turned its own way; they take the light of the ellipsoid."""
    outward = rng.normal(0, 1, (_FACETS, 3))
    outward[:, 2] = outward[:, 2] * 0.9 + 0.15
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    middle = centre + outward * axes * rng.uniform(0.78, 1.14, (_FACETS, 1))
    facing = outward + rng.normal(0, 0.45, (_FACETS, 3))
    first = np.cross(facing, rng.normal(0, 1, (_FACETS, 3)))
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-6)
    second = np.cross(facing, first)
    second /= np.maximum(np.linalg.norm(second, axis=1, keepdims=True), 1e-6)
    size = axes.mean() * rng.uniform(0.16, 0.42, (_FACETS, 1))
    around = np.linspace(0, 2 * np.pi, 6)[:-1]  # five-cornered, so that outlines are not square
    corners = (
        middle[:, None]
        + np.cos(around)[None, :, None] * (first * size)[:, None]
        + np.sin(around)[None, :, None] * (second * size)[:, None]
    )
    spots = rng.uniform(0.1, 0.9, (_FACETS, 1, 2))
    uv = spots + 0.16 * np.stack([np.cos(around), np.sin(around)], 1)[None]
    index = np.arange(_FACETS * 5).reshape(_FACETS, 5)
    triangles = np.concatenate([index[:, [0, 1, 2]], index[:, [0, 2, 3]], index[:, [0, 3, 4]]])
    normals = np.repeat(outward[:, None] + rng.normal(0, 0.28, (_FACETS, 1, 3)), 5, axis=1).reshape(-1, 3)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(
        corners.reshape(-1, 3).astype(np.float32),
        normals.astype(np.float32),
        uv.reshape(-1, 2).astype(np.float32),
        triangles.astype(np.int32),
    )


def _ball(centre: Floats, axes: Floats, columns: int, rows: int) -> Mesh:
    """Make an ellipsoid of few triangles; its normals are those of a ball."""
    unit = _unit_ball(columns, rows)
    return Mesh((unit.vertices_m * axes + centre).astype(np.float32), unit.normals, unit.uv, unit.triangles)


@cache
def _unit_ball(columns: int, rows: int) -> Mesh:
    up = np.linspace(-np.pi / 2, np.pi / 2, rows)
    around = np.linspace(0, 2 * np.pi, columns)
    points = np.stack(
        np.broadcast_arrays(
            np.cos(around)[:, None] * np.cos(up), np.sin(around)[:, None] * np.cos(up), np.sin(up)[None]
        ),
        -1,
    )
    return grid(points, np.full((columns, rows, 2), 0.5))


@cache
def _paint_leaves(name: str, variant: int) -> Image:
    rng = np.random.default_rng((variant, len(name)))
    tone = np.ones((128, 128), np.float32)
    for cells, strength in ((100, 0.22), (44, 0.26), (12, 0.2)):
        tone += strength * cv2.resize(rng.standard_normal((cells, cells)).astype(np.float32), (128, 128))
    base = np.array(SPECIES[name].leaf_bgr, np.float32) * rng.uniform(0.85, 1.15)
    return np.asarray(np.clip(base * np.clip(tone, 0.35, 1.9)[..., None], 0, 255), np.uint8)


@cache
def _dark(name: str) -> Image:
    return np.full((8, 8, 3), [round(0.5 * part) for part in SPECIES[name].leaf_bgr], np.uint8)
