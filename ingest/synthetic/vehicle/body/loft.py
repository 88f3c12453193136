"""Loft, the skin of a vehicle: sections along its length, from the sill to the middle of the roof, and both ends."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ingest.synthetic.mesh import Floats, Mesh, grid, join
from ingest.synthetic.vehicle.model import CROWN_M, Model
from ingest.synthetic.vehicle.paint.atlas_layout import FRONT, LEFT, REAR, RIGHT, ROOF

CAB_ROOF_SHARE = 0.4
"""The share of the roof image that a truck's cab has; its load has the rest from LOAD_ROOF_SHARE on."""
LOAD_ROOF_SHARE = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A smoothed roofline with its length measured along the arc, for painting the roof without stretching.

    distance_m: (S,) stations from the front; along: (S,) share of the roof image.
    """

    distance_m: Floats
    along: Floats
    height_at: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class _Taper:
    """Taper of a loft: tumblehome of the windows, shares and lengths over which nose and tail narrow, and the bulge of
    both ends."""

    tumblehome: float
    nose: float
    nose_m: float
    tail: float
    tail_m: float
    bulge_m: float


@lru_cache(maxsize=64)
def outline_of(model: Model) -> Outline:
    """Compute the outline of the loft of a model: the whole body, or the cab of a truck or pickup."""
    height_at = _smooth_roofline(model, 0.05 if model.large else 0.14)
    stations = _stations(model)
    heights = height_at(stations)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(stations), np.diff(heights)))])
    share = CAB_ROOF_SHARE if model.kind == "truck" else 0.7 if model.load_m else 1.0
    return Outline(stations, arc / arc[-1] * share, height_at)


def cab_length_m(model: Model) -> float:
    """Length of the loft: to the rear, or to a little before the load."""
    if model.load_m is None:
        return model.length_m
    return model.load_m[0] - (0.22 if model.kind == "truck" else 0.02)


def belt_at(model: Model, distance_m: Floats) -> Floats:
    """Height of the lower edge of the side windows at distances from the front."""
    return np.asarray(model.belt_m + model.wedge_m * np.asarray(distance_m) / model.length_m)


def texture_top_m(model: Model) -> float:
    """Height at the upper edge of the side, front and rear images."""
    return model.height_m + 0.04


def side_uv(model: Model, side: int, distance_m: Floats, height_m: Floats) -> Floats:
    """Texture coordinates of (distance, height) in the image of a side; on the right one the front is at the right."""
    share = distance_m / model.length_m
    across = share if side < 0 else 1 - share
    shares = np.stack(np.broadcast_arrays(across, height_m / texture_top_m(model)), -1)
    return (LEFT if side < 0 else RIGHT).uv(shares)


def end_uv(model: Model, x_m: Floats, height_m: Floats, *, front: bool) -> Floats:
    """Texture coordinates of (x, height) in the image of the front or the rear, as seen by someone before it."""
    across = 0.5 + (-x_m if front else x_m) / model.width_m
    shares = np.stack(np.broadcast_arrays(across, height_m / texture_top_m(model)), -1)
    return (FRONT if front else REAR).uv(shares)


def build_loft(model: Model) -> Mesh:
    """Build the skin of a whole body, or of a cab with its rear wall."""
    # Step 1: sections from the sill to the middle of the roof
    outline, taper = outline_of(model), _taper_of(model)
    stations = outline.distance_m
    heights = outline.height_at(stations)
    half_m = _half_widths(model, stations, taper)
    sections = _sections(model, stations, heights, half_m, taper)
    # Step 2: both walls, the roof, and the ends
    parts = []
    for side in (1, -1):
        wall = _in_space(sections[:, : _RAIL + 1], stations, side)
        parts.append(grid(wall, side_uv(model, side, stations[:, None], wall[..., 2]), flip=side > 0))
    across = np.concatenate([sections[:, _RAIL:], sections[:, -2 : _RAIL - 1 : -1] * [-1, 1]], axis=1)
    roof = _in_space(across, stations, 1)
    share = 0.5 + 0.5 * np.concatenate([_ROOF_ACROSS, -_ROOF_ACROSS[-2::-1]])
    roof_uv = ROOF.uv(np.stack(np.broadcast_arrays(outline.along[:, None], share[None]), -1))
    parts.append(grid(roof, roof_uv, flip=True))
    parts.append(_cap(model, sections[0], -stations[0], taper.bulge_m, front=True))
    parts.append(_cap(model, sections[-1], -stations[-1], taper.bulge_m, front=False))
    return join(parts)


def lean(mesh: Mesh, model: Model) -> Mesh:
    """Lean an upright front back above the belt, as windscreens of buses and trucks do."""
    if not model.lean_m:
        return mesh
    points = mesh.vertices_m.copy()
    low = model.belt_m - 0.25
    up = np.clip((points[:, 2] - low) / (model.height_m - low), 0, 1)
    if model.kind == "truck":
        up = np.clip((points[:, 2] - low) / (model.roofline[2][1] - low), 0, 1)
    points[:, 1] -= model.lean_m * up**1.3 * np.clip(1 + points[:, 1] / 1.3, 0, 1)
    return Mesh(points, mesh.normals, mesh.uv, mesh.triangles)


_RAIL = 7  # the section point where the side ends and the roof begins
_ROOF_ACROSS = np.array([1, 0.92, 0.5, 0])


def _taper_of(model: Model) -> _Taper:
    if model.kind == "truck":
        return _Taper(0.05, 0.14, 0.45, 0.02, 0.1, 0.10)
    if model.decks:
        return _Taper(0.035, 0.10, 0.5, 0.06, 0.3, 0.14)
    if model.kind == "van":
        return _Taper(0.13, 0.22, 0.75, 0.06, 0.35, 0.14)
    if model.load_m:
        return _Taper(0.30, 0.20, 0.65, 0.04, 0.15, 0.10)
    return _Taper(0.33, 0.24, 0.80, 0.17, 0.65, 0.14)


def _smooth_roofline(model: Model, window_m: float) -> Callable[[Floats], Floats]:
    distances, heights = np.array(model.roofline).T
    fine = np.linspace(distances[0], distances[-1], 800)
    count = max(1, int(window_m / (fine[1] - fine[0]))) | 1
    padded = np.pad(np.interp(fine, distances, heights), count // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(count) / count, "valid")
    return lambda distance_m: np.interp(distance_m, fine, smooth)


def _stations(model: Model) -> Floats:
    """Distances of the loft's sections from the front: dense at both ends, and one at each corner of the roofline."""
    bulge_m = _taper_of(model).bulge_m
    first, last = bulge_m, cab_length_m(model) - (bulge_m if model.load_m is None else 0.0)
    step_m = 0.30 if model.length_m < 6.1 else 0.8
    ends = np.array([0.0, 0.04, 0.12, 0.26, 0.45])
    corners = [distance for distance, _ in model.roofline if first + 0.05 < distance < last - 0.05]
    middle = np.arange(first + 0.5, last - 0.5, step_m)
    every = np.unique(np.round(np.concatenate([first + ends, middle, last - ends, corners]), 3))
    return np.asarray(every[np.concatenate([[True], np.diff(every) > 0.035])])


def _half_widths(model: Model, stations: Floats, taper: _Taper) -> Floats:
    half = np.full(len(stations), model.width_m / 2)
    half *= 1 - taper.nose * np.clip(1 - (stations - stations[0]) / taper.nose_m, 0, 1) ** 2.2
    half *= 1 - taper.tail * np.clip(1 - (stations[-1] - stations) / taper.tail_m, 0, 1) ** 2.2
    return half


def _sections(model: Model, stations: Floats, heights: Floats, half: Floats, taper: _Taper) -> Floats:
    """Half sections (S, 11, 2) of (half width, height), from the sill up to the middle of the roof."""
    sill_m = model.sill_m
    ledge = 0.955 if model.kind == "car" else 0.99
    shoulder = np.minimum(belt_at(model, stations), heights - 0.05)
    edge = heights - 0.03
    rail = ledge * half - np.maximum(0, edge - shoulder) * taper.tumblehome
    wall = shoulder - sill_m
    widths = (0.92 * half, 0.985 * half, half, 0.985 * half, 0.995 * half, ledge * half,
              (ledge * half + rail) / 2 + 0.012, rail, 0.92 * rail, 0.5 * rail, 0 * rail)  # fmt: skip
    levels = (np.full_like(half, sill_m), sill_m + wall * 0.16, sill_m + wall * 0.42, sill_m + wall * 0.70,
              sill_m + wall * 0.88, shoulder, (shoulder + edge) / 2, edge, heights, heights + 0.7 * CROWN_M,
              heights + CROWN_M)  # fmt: skip
    return np.stack([np.stack(widths, 1), np.stack(levels, 1)], -1)


def _in_space(sections: Floats, stations: Floats, side: int) -> Floats:
    y = np.broadcast_to(-stations[:, None], sections.shape[:2])
    return np.stack([side * sections[..., 0], y, sections[..., 1]], -1)


def _cap(model: Model, section: Floats, y_m: float, bulge_m: float, *, front: bool) -> Mesh:
    """Build the end of a loft, bulging out in the middle, most of all at the bumper."""
    across = np.linspace(-1, 1, 9)
    bulge_m = 0.03 if model.load_m and not front else bulge_m
    low, high = section[0, 1], section[_RAIL, 1]
    levels = np.concatenate([section[:4, 1], np.linspace(section[3, 1], section[_RAIL, 1], 4)[1:]])
    half = np.interp(levels, section[: _RAIL + 1, 1], section[: _RAIL + 1, 0])
    x = half[:, None] * across
    z = np.broadcast_to(levels[:, None], x.shape)
    top = np.interp(np.abs(across), _ROOF_ACROSS[::-1], section[: _RAIL - 1 : -1, 1])
    x, z = np.concatenate([x, x[-1:]]), np.concatenate([z, top[None]])
    share = np.clip((z - low) / max(high - low, 0.1), 0, 1)
    out = np.interp(share, [0, 0.18, 0.5, 0.75, 1], [0.70, 1.0, 0.97, 0.80, 0.55] if not model.large else [1.0] * 5)
    y = y_m + (1 if front else -1) * bulge_m * out * (1 - across**2)
    points = np.stack([x, y, z], -1)
    return grid(points, end_uv(model, x, z, front=front), flip=not front)


def end_share(model: Model, *, front: bool) -> float:
    """Share of the width that the front or the rear has, at the beginning of the corners."""
    taper = _taper_of(model)
    return 1 - (taper.nose if front else taper.tail)
