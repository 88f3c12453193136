"""Loads behind a cab: boxes, platforms, skips, tanks, the bed of a pickup, and the goods on them."""

import numpy as np

from ingest.synthetic.mesh import Floats, Mesh, box, grid, join
from ingest.synthetic.vehicle.body.loft import LOAD_ROOF_SHARE, end_uv, side_uv
from ingest.synthetic.vehicle.gear import Gear
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.atlas_layout import (
    CARGO,
    DARK_SPOT,
    JACKET,
    METAL_SPOT,
    PAINT_SPOT,
    ROOF,
    SECOND_SPOT,
    Region,
)

_FLOOR_M = 1.0


def build_load(model: Model, gear: Gear) -> list[Mesh]:
    """Build the meshes behind the cab of one vehicle; none for bodies without."""
    if model.load_m is None:
        return []
    if model.body == "pickup":
        return _pickup_bed(model, gear)
    parts = _chassis(model, gear)
    if model.body == "box-truck":
        return [*parts, *_box(model, gear)]
    if model.body == "tanker":
        return [*parts, *_tank(model)]
    if model.body == "tipper":
        return [*parts, *_tub(model, model.load_m[0], _FLOOR_M, model.load_m[1], 0.05, gear)]
    return [*parts, *_platform(model, gear)]


def _wall(model: Model, side: int, from_m: float, to_m: float, levels_m: Floats, half_m: float) -> Mesh:
    """Build a flat wall along one side, painted from the image of that side."""
    along = np.linspace(from_m, to_m, max(3, int((to_m - from_m) / 1.0) + 1))
    distance, height = np.meshgrid(along, levels_m, indexing="ij")
    points = np.stack([np.full_like(distance, side * half_m), -distance, height], -1)
    return grid(points, side_uv(model, side, distance, height), flip=side > 0)


def _end(model: Model, at_m: float, levels_m: Floats, half_m: float, *, front: bool, region: Region | None) -> Mesh:
    """Build a flat wall across; without a region it is painted from the image of that end."""
    x, z = np.meshgrid(np.linspace(-half_m, half_m, 5), levels_m, indexing="ij")
    points = np.stack([x, np.full_like(x, -at_m), z], -1)
    uv = end_uv(model, x, z, front=front) if region is None else np.broadcast_to(region.middle, (*x.shape, 2))
    return grid(points, uv, flip=front)


def _lid(from_m: float, to_m: float, height_m: float, half_m: float, uv: Floats | None) -> Mesh:
    """Build a level surface; without a place in the texture it is the load's part of the roof image."""
    distance, x = np.meshgrid(np.linspace(from_m, to_m, 6), np.linspace(-half_m, half_m, 5), indexing="ij")
    points = np.stack([x, -distance, np.full_like(x, height_m)], -1)
    along = LOAD_ROOF_SHARE + (1 - LOAD_ROOF_SHARE) * (distance - from_m) / (to_m - from_m)
    places = (
        ROOF.uv(np.stack([along, 0.5 + 0.5 * x / half_m], -1)) if uv is None else np.broadcast_to(uv, (*x.shape, 2))
    )
    return grid(points, places, flip=False)


def _box(model: Model, gear: Gear) -> list[Mesh]:
    assert model.load_m is not None
    from_m, top_m = model.load_m
    to_m, half_m = model.length_m - 0.06, model.width_m / 2
    levels = np.linspace(_FLOOR_M - 0.05, top_m, 4)
    parts = [_wall(model, side, from_m, to_m, levels, half_m) for side in (-1, 1)]
    parts.append(_lid(from_m, to_m, top_m, half_m, None))
    parts.append(_end(model, from_m, levels, half_m, front=True, region=SECOND_SPOT))
    parts.append(_end(model, to_m, levels, half_m, front=False, region=None))
    if gear.tail_lift:
        parts.append(_plate(model, 0.95, 1.75))
    if gear.cooler:
        parts.append(_block(-0.75, 0.75, from_m - 0.30, from_m, top_m - 0.95, top_m - 0.25, METAL_SPOT))
    return parts


def _plate(model: Model, low_m: float, high_m: float) -> Mesh:
    half_m = model.width_m / 2 * 0.92
    return _block(-half_m, half_m, model.length_m - 0.06, model.length_m - 0.02, low_m, high_m, METAL_SPOT)


def _block(
    left_m: float, right_m: float, from_m: float, to_m: float, low_m: float, high_m: float, spot: Region
) -> Mesh:  # fmt: skip
    return box((left_m, -to_m, low_m), (right_m, -from_m, high_m), spot.middle)


def _chassis(model: Model, gear: Gear) -> list[Mesh]:
    """Build the rear beam with lamps and plate, side guards and the fuel tank."""
    half_m, rear_m = model.width_m / 2, model.length_m
    beam = [_end(model, rear_m - 0.04, np.array([0.48, 0.7, _FLOOR_M]), half_m * 0.96, front=False, region=None)]
    beam.append(_block(-half_m * 0.96, half_m * 0.96, rear_m - 0.14, rear_m - 0.05, 0.86, _FLOOR_M, DARK_SPOT))
    beam.append(_block(-half_m * 0.92, half_m * 0.92, rear_m, rear_m - 0.16, 0.46, 0.58, METAL_SPOT))
    radius = model.wheel_radius_m
    from_m, to_m = model.axles_m[0] + radius + 0.95, model.axles_m[1] - radius - 0.15
    for side in (-1, 1):
        edge, inner = side * half_m * 0.97, side * (half_m - 0.45)
        left, right = min(edge, inner), max(edge, inner)
        beam.append(_block(left, right, model.axles_m[0] + radius + 0.12, from_m - 0.1, 0.5, 0.95, METAL_SPOT))
        if gear.side_guards:
            thin = edge - side * 0.05
            left, right = min(edge, thin), max(edge, thin)
            beam += [_block(left, right, from_m, to_m, low, low + 0.10, METAL_SPOT) for low in (0.5, 0.75)]
    return beam


def _tank(model: Model) -> list[Mesh]:
    """Build an elliptic tank along the frame; its halves are painted from the images of the sides."""
    assert model.load_m is not None
    from_m, top_m = model.load_m
    half_m, middle_m, high_m = model.width_m / 2 * 0.98, (top_m + _FLOOR_M) / 2, (top_m - _FLOOR_M) / 2
    along = np.concatenate([[from_m, from_m + 0.02], np.linspace(from_m + 0.15, model.length_m - 0.25, 8),
                            [model.length_m - 0.12, model.length_m - 0.10]])  # fmt: skip
    share = np.ones(len(along))
    share[[0, -1]], share[[1, -2]] = 0.0, 0.88
    parts = []
    for side in (-1, 1):
        angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
        x = side * half_m * share[:, None] * np.cos(angle)
        z = middle_m + high_m * share[:, None] * np.sin(angle)
        y = np.broadcast_to(-along[:, None], x.shape)
        parts.append(grid(np.stack([x, y, z], -1), side_uv(model, side, -y, z), flip=side > 0))
    parts.append(_block(-0.25, 0.25, from_m + 0.6, model.length_m - 0.8, top_m - 0.02, top_m + 0.05, METAL_SPOT))
    return parts


def _tub(model: Model, from_m: float, floor_m: float, rim_m: float, wall_m: float, gear: Gear) -> list[Mesh]:
    """Build an open tub: walls with an inside, a rim, a floor, and a heap or goods in it."""
    to_m, half_m = model.length_m - 0.06, model.width_m / 2 * 0.985
    levels = np.linspace(model.sill_m if model.body == "pickup" else floor_m - 0.05, rim_m, 4)
    parts = [_wall(model, side, from_m, to_m, levels, half_m) for side in (-1, 1)]
    parts.append(_end(model, from_m, levels, half_m, front=True, region=PAINT_SPOT))
    parts.append(_end(model, to_m, levels, half_m, front=False, region=None))
    inside = half_m - wall_m
    inner = np.linspace(floor_m, rim_m, 2)
    spot = DARK_SPOT if gear.bed_liner else SECOND_SPOT
    for side in (-1, 1):
        distance, height = np.meshgrid(np.array([from_m, to_m]), inner, indexing="ij")
        points = np.stack([np.full_like(distance, side * inside), -distance, height], -1)
        parts.append(grid(points, np.broadcast_to(spot.middle, (2, 2, 2)), flip=side < 0))
        rim = sorted((side * inside, side * half_m))
        parts.append(_block(rim[0], rim[1], from_m, to_m, rim_m - 0.02, rim_m + 0.01, PAINT_SPOT))
    parts.append(_end(model, from_m + wall_m, inner, inside, front=False, region=spot))
    parts.append(_end(model, to_m - wall_m, inner, inside, front=True, region=spot))
    parts.append(_block(-half_m, half_m, to_m - wall_m, to_m, rim_m - 0.02, rim_m + 0.005, PAINT_SPOT))
    parts.append(_lid(from_m, to_m, floor_m, inside, spot.middle))
    if gear.load == "heap":
        parts.append(_heap(from_m + wall_m, to_m - wall_m, inside, floor_m, rim_m, gear))
    elif gear.load:
        parts += _goods(from_m + 0.1, to_m - 0.1, inside - 0.05, floor_m, rim_m + 0.5, gear)
    return parts


def _heap(from_m: float, to_m: float, half_m: float, floor_m: float, rim_m: float, gear: Gear) -> Mesh:
    """Build loose material, its humps from the vehicle's own numbers."""
    humps = np.array(gear.humps).reshape(3, 4)
    height = np.full((7, 6), rim_m - 0.12)
    height[1:-1, 1:-1] += np.kron(humps, np.ones((2, 1)))[:5, :4] * (rim_m - floor_m) * 0.7
    distance, x = np.meshgrid(np.linspace(from_m, to_m, 7), np.linspace(-half_m, half_m, 6), indexing="ij")
    places = np.stack([(distance - from_m) / (to_m - from_m), 0.5 + 0.5 * x / half_m], -1)
    return grid(np.stack([x, -distance, height], -1), JACKET.uv(places))


def _goods(
    from_m: float, to_m: float, half_m: float, low_m: float, high_m: float, gear: Gear
) -> list[Mesh]:  # fmt: skip
    """Build crates in a row, each with a size of its own; some places stay empty."""
    parts = []
    count = max(2, int((to_m - from_m) / 0.9))
    edges = np.linspace(from_m, to_m, count + 1)
    sizes = np.resize(np.array(gear.humps), 2 * count).reshape(count, 2)
    for number, (tall, wide) in enumerate(sizes):
        if tall < 0.18:
            continue
        top_m = low_m + (high_m - low_m) * (0.25 + 0.75 * tall)
        left = -half_m + (2 * half_m) * (0.35 * wide if number % 2 else 0.0)
        right = half_m - (2 * half_m) * (0.0 if number % 2 else 0.4 * wide)
        spot = (CARGO, SECOND_SPOT, CARGO, METAL_SPOT)[number % 4]
        parts.append(_crate(left, right, edges[number] + 0.03, edges[number + 1] - 0.05, low_m, top_m, spot))
    return parts


def _crate(
    left_m: float, right_m: float, from_m: float, to_m: float, low_m: float, high_m: float, spot: Region
) -> Mesh:  # fmt: skip
    """Build a box with the whole image of the region on every face if it is an image of cargo."""
    plain = _block(left_m, right_m, from_m, to_m, low_m, high_m, spot)
    if spot is not CARGO:
        return plain
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
    uv = np.tile(CARGO.uv(corners), (len(plain.vertices_m) // 4, 1)).astype(np.float32)
    return Mesh(plain.vertices_m, plain.normals, uv, plain.triangles)


def _platform(model: Model, gear: Gear) -> list[Mesh]:
    """Build a flat platform with low boards, a headboard, and goods."""
    assert model.load_m is not None
    from_m, rim_m = model.load_m
    to_m, half_m = model.length_m - 0.06, model.width_m / 2
    parts = [_block(-half_m, half_m, from_m, to_m, _FLOOR_M - 0.06, _FLOOR_M, DARK_SPOT)]
    levels = np.array([_FLOOR_M - 0.10, (rim_m + _FLOOR_M) / 2, rim_m])
    for side in (-1, 1):
        parts.append(_wall(model, side, from_m, to_m, levels, half_m + 0.005))
        inner, outer = sorted((side * (half_m - 0.04), side * half_m))
        parts.append(_block(inner, outer, from_m, to_m, _FLOOR_M, rim_m - 0.005, SECOND_SPOT))
    parts.append(_end(model, to_m + 0.01, levels, half_m, front=False, region=None))
    parts.append(
        _lid(from_m, to_m, _FLOOR_M + 0.01, half_m - 0.04, CARGO.middle if gear.bed_liner else DARK_SPOT.middle)
    )
    parts.append(_block(-half_m * 0.95, half_m * 0.95, from_m, from_m + 0.06, _FLOOR_M, rim_m + 0.7, SECOND_SPOT))
    if gear.load:
        parts += _goods(from_m + 0.15, to_m - 0.15, half_m - 0.1, _FLOOR_M, rim_m + 1.1, gear)
    return parts


def _pickup_bed(model: Model, gear: Gear) -> list[Mesh]:
    assert model.load_m is not None
    from_m, rim_m = model.load_m
    parts = _tub(model, from_m, 0.68, rim_m, 0.07, gear)
    to_m, half_m = model.length_m - 0.06, model.width_m / 2 * 0.985
    parts.append(_block(-half_m * 0.98, half_m * 0.98, to_m - 0.04, to_m + 0.05, 0.42, 0.62, METAL_SPOT))
    if gear.bed_cover:
        parts.append(_lid(from_m + 0.02, to_m - 0.02, rim_m + 0.03, half_m * 0.97, DARK_SPOT.middle))
    elif gear.rails:
        bars = [(side * half_m * 0.9 - 0.03, side * half_m * 0.9 + 0.03) for side in (-1, 1)]
        parts += [_block(a, b, from_m + 0.05, from_m + 0.11, rim_m, rim_m + 0.42, METAL_SPOT) for a, b in bars]
        parts.append(_block(-half_m * 0.9, half_m * 0.9, from_m + 0.05, from_m + 0.11, rim_m + 0.38, rim_m + 0.44,
                            METAL_SPOT))  # fmt: skip
    return [join(parts)]
