"""Triangle meshes as arrays: bodies and scenery before an engine sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Triangles = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles that are counter-clockwise seen from outside.

    vertices_m: (V, 3) float32 metres, x right, y forward, z up. normals: (V, 3) float32 unit vectors.
    uv: (V, 2) float32, v upwards. triangles: (T, 3) int32 rows of vertices.
    """

    vertices_m: Floats
    normals: Floats
    uv: Floats
    triangles: Triangles

    def moved(self, x_m: float, y_m: float, z_m: float = 0.0) -> "Mesh":
        """Shift the mesh."""
        return Mesh(
            (self.vertices_m + np.array([x_m, y_m, z_m])).astype(np.float32),
            self.normals,
            self.uv,
            self.triangles,
        )


def make_mesh(vertices_m: Floats, uv: Floats, triangles: NDArray[np.integer]) -> Mesh:
    """Make a mesh with normals averaged over the triangles around each vertex, weighted by their area.

    vertices_m: (V, 3) metres. uv: (V, 2). triangles: (T, 3) rows of vertices.
    """
    corners = vertices_m[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows, count = triangles.ravel(), len(vertices_m)
    spread = np.repeat(faces, 3, axis=0)
    normals = np.stack([np.bincount(rows, spread[:, axis], count) for axis in range(3)], 1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(
        vertices_m.astype(np.float32),
        (normals / np.maximum(lengths, 1e-9)).astype(np.float32),
        uv.astype(np.float32),
        triangles.astype(np.int32),
    )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Join meshes that share one texture."""
    offsets = np.cumsum([0] + [len(mesh.vertices_m) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices_m for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.triangles + offset for mesh, offset in zip(meshes, offsets, strict=True)]).astype(
            np.int32
        ),
    )


def grid(points_m: Floats, uv: Floats, *, flip: bool = False) -> Mesh:
    """Make a sheet over a grid of points.

    points_m: (A, B, 3); uv: (A, B, 2). The outside is where going along A and then along B turns
    counter-clockwise; `flip` turns it over.
    """
    rows, columns = points_m.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    if flip:
        triangles = triangles[:, ::-1]
    return make_mesh(points_m.reshape(-1, 3), uv.reshape(-1, 2), triangles)


def sheet(corners_m: Sequence[tuple[float, float, float]], cell_m: float = 4.0) -> Mesh:
    """Make a flat four-cornered sheet, counter-clockwise from outside, cut into cells of about `cell_m`.

    The texture goes once over it, its lower left at the first corner. Small cells keep the error of the
    renderer's approximate texture perspective small.
    """
    first, second, third, fourth = np.array(corners_m, np.float64)
    across = max(1, int(np.ceil(np.linalg.norm(second - first) / cell_m)))
    along = max(1, int(np.ceil(np.linalg.norm(fourth - first) / cell_m)))
    u = np.linspace(0, 1, across + 1)[:, None, None]
    v = np.linspace(0, 1, along + 1)[None, :, None]
    points = (first * (1 - u) + second * u) * (1 - v) + (fourth * (1 - u) + third * u) * v
    uv = np.concatenate(np.broadcast_arrays(u, v), -1)
    return grid(points, uv)


def tube(path_m: Floats, radii_m: Floats, uv: Floats, sides: int = 8) -> Mesh:
    """Make a round limb along a path with closed ends.

    path_m: (N, 3). radii_m: (N,), or (N, 2) across and upwards. uv: (2,) or (N, sides + 1, 2).
    """
    radii = np.broadcast_to(np.asarray(radii_m, np.float64).reshape(len(path_m), -1), (len(path_m), 2))
    ways = np.gradient(path_m, axis=0)
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    helper = np.where(np.abs(ways[:, :1]) < 0.9, np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
    first = helper - ways * np.sum(helper * ways, axis=1, keepdims=True)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(ways, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    rings = (
        path_m[:, None]
        + np.cos(angle)[:, None] * (first * radii[:, :1])[:, None]
        + np.sin(angle)[:, None] * (second * radii[:, 1:])[:, None]
    )
    ends = [np.broadcast_to(path_m[k], (1, sides + 1, 3)) for k in (0, -1)]
    points = np.concatenate([ends[0], rings, ends[1]])
    places = np.broadcast_to(uv, (*rings.shape[:2], 2))
    places = np.concatenate([places[:1], places, places[-1:]])
    return grid(points, places, flip=True)


_BOX_FACES = ((0, 2, 6, 4), (1, 5, 7, 3), (0, 4, 5, 1), (2, 3, 7, 6), (0, 1, 3, 2), (4, 6, 7, 5))


def box(low_m: tuple[float, float, float], high_m: tuple[float, float, float], uv: Floats) -> Mesh:
    """Make a box with flat faces, all of it at one place of the texture. uv: (2,)."""
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    points = np.array(low_m) + corners * (np.array(high_m) - np.array(low_m))
    faces = [
        make_mesh(points[list(face)], np.tile(uv, (4, 1)), np.array([(0, 1, 2), (0, 2, 3)])) for face in _BOX_FACES
    ]
    return _outward(join(faces), points.mean(0))


def _outward(mesh: Mesh, centre: Floats) -> Mesh:
    """Turn over every triangle (and normal) that looks towards the centre."""
    inward = np.sum(mesh.normals * (mesh.vertices_m - centre), axis=1) < 0
    normals = np.where(inward[:, None], -mesh.normals, mesh.normals)
    triangles = mesh.triangles.copy()
    turned = inward[triangles[:, 0]]
    triangles[turned] = triangles[turned][:, ::-1]
    return Mesh(mesh.vertices_m, normals.astype(np.float32), mesh.uv, triangles)
