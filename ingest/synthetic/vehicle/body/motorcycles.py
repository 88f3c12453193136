"""Motorcycles and scooters with their riders: limbs, boxes and two wheels."""

import numpy as np

from ingest.synthetic.mesh import Floats, Mesh, box, grid, join, tube
from ingest.synthetic.vehicle.body.parts import wheel
from ingest.synthetic.vehicle.gear import Rider
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.atlas_layout import (
    CARGO,
    DARK_SPOT,
    GLASS_SPOT,
    HELMET_SPOT,
    JACKET,
    LAMP_SPOT,
    METAL_SPOT,
    PAINT_SPOT,
    REAR,
    SECOND_SPOT,
    TROUSERS_SPOT,
    WHEEL,
    Region,
)

SCOOTER, NAKED, FAIRED = 0, 1, 2
"""Types of motorcycles, as `Model.grille` has them."""


def build_motorcycle(model: Model, rider: Rider) -> Mesh:
    """Build one motorcycle with its rider, and at times a passenger, a box or a bag."""
    seat_m = model.belt_m
    hip_m = model.length_m * (0.60 if model.grille == SCOOTER else 0.56)
    parts = [*_wheels(model), *_frame(model), *_person(model, hip_m, seat_m, rider, leading=True)]
    if rider.passenger:
        parts += _person(model, hip_m + 0.34, seat_m + 0.06, rider, leading=False)
    if rider.case:
        parts.append(_case(model, rider))
    elif rider.bag and not rider.passenger:
        back_m = hip_m + 0.14
        parts.append(box((-0.17, -back_m - 0.2, seat_m + 0.18), (0.17, -back_m, seat_m + 0.58), SECOND_SPOT.middle))
    return join(parts)


def _wheels(model: Model) -> list[Mesh]:
    parts = []
    for axle_m in model.axles_m:
        for side in (-1, 1):
            parts.append(wheel(model.wheel_radius_m, 0.06, 0.0, axle_m, side, WHEEL))
    return parts


def _limb(points: list[tuple[float, float, float]], radii: list[float], spot: Region, sides: int = 6) -> Mesh:
    """Build a round part of one colour; points: (x, distance, height)."""
    path = np.array(points) * [1, -1, 1]
    return tube(path, np.array(radii), spot.middle, sides)


def _frame(model: Model) -> list[Mesh]:
    """Build fork, handlebar, fairing or shield, tank, seat, and tail with lamp and plate."""
    front_m, rear_m, seat_m = model.axles_m[0], model.axles_m[1], model.belt_m
    bar_m, r = front_m + 0.32, model.wheel_radius_m
    parts = [
        _limb([(0, front_m, r), (0, front_m + 0.24, 0.86)], [0.055, 0.06], METAL_SPOT),
        _limb([(-0.34, bar_m + 0.08, 1.0), (0, bar_m, 1.02), (0.34, bar_m + 0.08, 1.0)], [0.022] * 3, DARK_SPOT, 4),
        _limb([(0, front_m - 0.20, 2 * r + 0.02), (0, front_m, 2 * r + 0.06), (0, front_m + 0.25, r * 1.5)],
              [0.05, 0.08, 0.05], PAINT_SPOT),
        _limb([(0, front_m + 0.12, 0.90), (0, front_m + 0.19, 0.90)], [0.09, 0.10], LAMP_SPOT),
    ]  # fmt: skip
    for side in (-1, 1):
        parts.append(box((side * 0.34 - 0.06, -bar_m - 0.02, 1.10), (side * 0.34 + 0.06, -bar_m + 0.02, 1.20),
                         DARK_SPOT.middle))  # fmt: skip
        parts.append(
            _limb([(side * 0.28, bar_m + 0.05, 1.0), (side * 0.33, bar_m, 1.13)], [0.012, 0.012], DARK_SPOT, 4)
        )
    if model.grille == SCOOTER:
        parts += [
            _shell([(front_m + 0.20, 0.95, 0.14, 0.09), (front_m + 0.30, 0.62, 0.22, 0.10),
                    (front_m + 0.42, 0.30, 0.17, 0.09)]),
            _limb([(0, front_m + 0.42, 0.28), (0, rear_m - 0.28, 0.28)], [0.13, 0.14], DARK_SPOT),
            _shell([(rear_m - 0.55, seat_m - 0.18, 0.13, 0.13), (rear_m - 0.2, seat_m - 0.16, 0.19, 0.15),
                    (rear_m + 0.22, seat_m - 0.10, 0.10, 0.10)]),
        ]  # fmt: skip
    else:
        parts += [
            _limb([(0, front_m + 0.5, 0.45), (0, rear_m - 0.45, 0.42)], [0.17, 0.19], DARK_SPOT),
            _shell([(front_m + 0.40, seat_m + 0.06, 0.10, 0.10), (front_m + 0.62, seat_m + 0.10, 0.17, 0.13),
                    (front_m + 0.86, seat_m, 0.12, 0.08)]),
            _shell([(rear_m - 0.30, seat_m - 0.04, 0.12, 0.08), (rear_m + 0.22, seat_m + 0.08, 0.07, 0.06)]),
            _limb([(0.16, rear_m - 0.5, 0.34), (0.19, rear_m + 0.12, 0.42)], [0.05, 0.07], METAL_SPOT),
        ]  # fmt: skip
    if model.grille == FAIRED:
        parts.append(_shell([(front_m + 0.02, 0.86, 0.07, 0.07), (front_m + 0.2, 0.84, 0.21, 0.20),
                             (front_m + 0.5, 0.62, 0.23, 0.26), (front_m + 0.75, 0.45, 0.18, 0.16)]))  # fmt: skip
        parts.append(box((-0.16, -front_m - 0.30, 1.0), (0.16, -front_m - 0.22, 1.18), GLASS_SPOT.middle))
    seat = [(0.0, rear_m - 0.55, seat_m), (0.0, rear_m - 0.15, seat_m + 0.02), (0.0, rear_m + 0.12, seat_m + 0.06)]
    parts.append(_limb(seat, [0.12, 0.13, 0.08], DARK_SPOT))
    parts.append(_tail(model))
    return parts


def _shell(rings: list[tuple[float, float, float, float]]) -> Mesh:
    """Build a painted shell through ellipses (distance, height, half width, half height)."""
    path = np.array([(0, -ring[0], ring[1]) for ring in rings])
    return tube(path, np.array([ring[2:] for ring in rings]), PAINT_SPOT.middle, 8)


def _tail(model: Model) -> Mesh:
    """Build tail lamp and plate, from the image of the rear."""
    at_m, half_m, low_m, high_m = model.length_m - 0.10, 0.13, 0.48, 0.90
    x, z = np.meshgrid([-half_m, half_m], [low_m, high_m], indexing="ij")
    points = np.stack([x, np.full_like(x, -at_m), z], -1)
    places = np.stack([(x + half_m) / (2 * half_m), (z - low_m) / (high_m - low_m)], -1)
    return grid(points, REAR.uv(places))


def _jacket(path: Floats, radii: Floats, sides: int = 10) -> Mesh:
    """Build a limb clothed in the image of the jacket: around it across, along it upwards."""
    around, along = np.meshgrid(np.linspace(0, 1, sides + 1), np.linspace(0, 1, len(path)))
    return tube(path, radii, JACKET.uv(np.stack([around, along], -1)), sides)


def _person(model: Model, hip_m: float, seat_m: float, rider: Rider, *, leading: bool) -> list[Mesh]:
    """Build legs, trunk, arms and a helmet; a rider bends towards the bar."""
    bend = {SCOOTER: 0.06, NAKED: 0.16, FAIRED: 0.34}[model.grille] if leading else 0.05
    tall = rider.stature
    shoulder_m, shoulder_z = hip_m - bend, seat_m + 0.52 * tall - bend * 0.25
    trunk = np.array([
        (0, -hip_m, seat_m - 0.02), (0, -hip_m + bend * 0.25, seat_m + 0.16 * tall),
        (0, -hip_m + bend * 0.7, seat_m + 0.38 * tall), (0, -shoulder_m, shoulder_z),
        (0, -shoulder_m + 0.01, shoulder_z + 0.08),
    ])  # fmt: skip
    parts = [_jacket(trunk, np.array([(0.17, 0.14), (0.17, 0.13), (0.22, 0.14), (0.20, 0.11), (0.07, 0.07)]))]
    head_m, head_z = shoulder_m - 0.05 - bend * 0.15, shoulder_z + 0.22
    path = np.array([(0, -head_m, head_z + at) for at in (-0.14, -0.10, -0.02, 0.06, 0.12, 0.15)])
    parts.append(tube(path, np.array([0.06, 0.11, 0.135, 0.13, 0.085, 0.03]), HELMET_SPOT.middle, 8))
    parts.append(box((-0.09, -head_m + 0.06, head_z - 0.05), (0.09, -head_m + 0.145, head_z + 0.04), GLASS_SPOT.middle))
    bar_m = model.axles_m[0] + 0.40
    for side in (-1, 1):
        hand = (side * 0.30, bar_m, 1.03) if leading else (side * 0.18, hip_m - 0.25, seat_m + 0.12)
        arm = np.array([
            (side * 0.19, -shoulder_m, shoulder_z - 0.01),
            (side * 0.30, -(shoulder_m * 0.55 + hand[1] * 0.45), (shoulder_z + hand[2]) / 2 - 0.09),
            (hand[0], -hand[1], hand[2]),
        ])  # fmt: skip
        parts.append(_jacket(arm, np.array([0.075, 0.06, 0.045]), 6))
        foot_m = hip_m - (0.42 if model.grille == SCOOTER else 0.10)
        foot_z = 0.38 if model.grille == SCOOTER else 0.34
        knee_m = hip_m - 0.44
        leg = [(side * 0.11, hip_m, seat_m), (side * 0.23, knee_m, seat_m - 0.06), (side * 0.20, foot_m, foot_z)]
        parts.append(_limb(leg, [0.10, 0.085, 0.06], TROUSERS_SPOT))
        parts.append(_limb([(side * 0.20, foot_m + 0.08, foot_z - 0.03), (side * 0.20, foot_m - 0.16, foot_z - 0.04)],
                           [0.05, 0.045], DARK_SPOT))  # fmt: skip
    return parts


def _case(model: Model, rider: Rider) -> Mesh:
    """Build a box behind the rider: a top case, or the large one of a delivery rider, with its image on every face."""
    half_m, high_m, low_m = (
        (0.24, 0.46, model.belt_m + 0.12) if rider.case == "large" else (0.19, 0.28, model.belt_m + 0.10)
    )
    at_m = model.length_m - 0.10
    case = box((-half_m, -at_m, low_m), (half_m, -at_m + 0.44, low_m + high_m), CARGO.middle)
    corners = CARGO.uv(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64))
    uv = np.tile(corners, (6, 1)).astype(np.float32)
    return Mesh(case.vertices_m, case.normals, uv, case.triangles)
