"""Parts of every vehicle with four wheels or more: wheels, a floor, mirrors."""

import numpy as np

from ingest.synthetic.mesh import Floats, Mesh, box, grid, join
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.atlas_layout import DARK_SPOT, MIRROR_SPOT, ODD_WHEEL, WHEEL, Region

_SEGMENTS = 16


def build_wheels(model: Model, odd: int | None) -> Mesh:
    """Build the wheels on all axles; number `odd`, counted from the front left, has the other wheel image."""
    half_m = model.width_m / 2
    places = [(side, axle_m) for axle_m in model.axles_m for side in (-1, 1)]
    wheels = []
    for number, (side, axle_m) in enumerate(places):
        region = ODD_WHEEL if number == odd else WHEEL
        outside_m = half_m + 0.004
        depth_m = 0.5 if model.large and axle_m > model.axles_m[0] else 0.22
        wheels.append(wheel(model.wheel_radius_m, outside_m, depth_m, axle_m, side, region))
    return join(wheels)


def wheel(radius_m: float, outside_m: float, depth_m: float, axle_m: float, side: int, region: Region) -> Mesh:
    """Build a tyre and a slightly hollow rim; the outside is at `outside_m` from the middle of the vehicle."""
    angle = np.linspace(0, 2 * np.pi, _SEGMENTS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)

    def ring(share: float, x_m: float) -> Floats:
        y, z = -axle_m + share * radius_m * circle[:, 0], radius_m + share * radius_m * circle[:, 1]
        return np.stack([np.full_like(y, side * x_m), y, z], 1)

    shares = (0.0, 0.62, 0.70, 0.97)
    rings = np.stack(
        [ring(0.0, outside_m - 0.035), ring(0.62, outside_m - 0.03), ring(0.70, outside_m), ring(0.97, outside_m)]
    )
    places = np.stack([0.5 + 0.48 * share * circle for share in shares])
    disc = grid(rings, region.uv(places), flip=side < 0)
    tyre = np.broadcast_to(DARK_SPOT.middle, (3, _SEGMENTS + 1, 2))
    tread = grid(
        np.stack([ring(0.97, outside_m), ring(1.0, outside_m - 0.03), ring(1.0, outside_m - depth_m)]), tyre,
        flip=side < 0,
    )  # fmt: skip
    return join([disc, tread])


def build_underbody(model: Model) -> Mesh:
    """Build the floor, so that there is no light between the wheels."""
    half_m = model.width_m / 2
    low_m = model.sill_m * 0.62
    end_m = model.length_m - 0.25 if model.kind != "truck" else model.length_m - 0.12
    top_m = model.sill_m + 0.12 if model.kind != "truck" else 1.0
    wide = 0.82 if model.kind != "truck" else 0.42
    parts = [box((-half_m * wide, -end_m, low_m), (half_m * wide, -0.22, top_m), DARK_SPOT.middle)]
    return join(parts)


def build_mirrors(model: Model) -> list[Mesh]:
    """Build outside mirrors: caps on short arms, on buses and trucks tall ones on brackets."""
    half_m = model.width_m / 2
    parts = []
    for side in (-1, 1):
        if model.large:
            high_m = min(model.belt_m + 1.15, model.roofline[0][1] - 0.1)
            if model.decks:
                high_m = 2.45
            ahead_m, near, out = -0.12, half_m * 0.97, half_m + 0.20
            parts.append(_block(side, near + 0.05, out, ahead_m - 0.12, ahead_m, high_m - 0.46, high_m, DARK_SPOT))
            parts.append(_block(side, near - 0.1, out - 0.05, ahead_m - 0.08, ahead_m - 0.03, high_m, high_m + 0.04,
                                DARK_SPOT))  # fmt: skip
            continue
        back_m = (model.windscreen[0] if model.windscreen else 1.0) + 0.42
        low_m = model.belt_m + 0.03
        size_m = 0.30 if model.kind == "van" else 0.14
        near, out = half_m * 0.95, half_m + (0.22 if model.kind == "van" else 0.17)
        parts.append(_block(side, near, near + 0.08, -back_m - 0.02, -back_m + 0.04, low_m, low_m + 0.05, DARK_SPOT))
        parts.append(_block(side, near + 0.06, out, -back_m - 0.04, -back_m + 0.06, low_m, low_m + size_m,
                            MIRROR_SPOT))  # fmt: skip
    return parts


def _block(
    side: int, near_m: float, far_m: float, rear_m: float, front_m: float, low_m: float, high_m: float, spot: Region
) -> Mesh:
    across = sorted((side * near_m, side * far_m))
    return box((across[0], rear_m, low_m), (across[1], front_m, high_m), spot.middle)
