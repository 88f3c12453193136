"""Equipment that owners put on their vehicles: racks, boxes, ladders, spoilers, signs."""

import numpy as np

from ingest.synthetic.mesh import Mesh, box, grid, tube
from ingest.synthetic.vehicle.body.loft import cab_length_m, outline_of
from ingest.synthetic.vehicle.gear import Gear
from ingest.synthetic.vehicle.model import CROWN_M, Model
from ingest.synthetic.vehicle.paint.atlas_layout import (
    CARGO,
    DARK_SPOT,
    METAL_SPOT,
    PAINT_SPOT,
    SECOND_SPOT,
    SIGN_SPOT,
    Region,
)


def build_equipment(model: Model, gear: Gear) -> list[Mesh]:
    """Build the meshes of everything on the roof, the tail and the back of one vehicle."""
    if model.large:
        return _roof_units(model, gear) + ([_beacons(model)] if gear.beacons else [])
    start_m = (model.windscreen[1] if model.windscreen else 1.0) + 0.30
    end_m = (model.rear_window[0] if model.rear_window else cab_length_m(model)) - 0.25
    if end_m - start_m < 0.5:
        end_m = start_m + 0.5
    top_m = float(np.max(outline_of(model).height_at(np.array([start_m, end_m])))) + 0.02
    half_m = model.width_m / 2 * (0.64 if model.kind == "car" else 0.80)
    parts: list[Mesh] = []
    if gear.rails:
        parts += _rails(model, start_m, end_m, half_m, METAL_SPOT if gear.rails > 1 else DARK_SPOT)
    if gear.bars or gear.roof_load:
        parts += _bars(start_m, end_m, top_m, half_m, 2 if model.kind == "car" else 3)
    parts += _roof_load(gear, start_m, end_m, top_m + 0.12, half_m)
    if gear.sign:
        middle_m = start_m + 0.15
        parts.append(_slab(-0.33, 0.33, middle_m, middle_m + 0.16, top_m + 0.02, top_m + 0.18, SIGN_SPOT))
    if gear.antenna:
        tip = np.array([(0, -end_m - 0.05, top_m), (0, -end_m - 0.22, top_m + 0.10)])
        parts.append(tube(tip, np.array([0.03, 0.012]), DARK_SPOT.middle, 4))
    if gear.spoiler and model.rear_window is not None:
        parts.append(_spoiler(model, gear))
    return parts


def _slab(
    left_m: float, right_m: float, from_m: float, to_m: float, low_m: float, high_m: float, spot: Region
) -> Mesh:  # fmt: skip
    """Build a box between two distances from the front."""
    return box((left_m, -to_m, low_m), (right_m, -from_m, high_m), spot.middle)


def _rails(model: Model, start_m: float, end_m: float, half_m: float, spot: Region) -> list[Mesh]:
    along = np.linspace(start_m, end_m, 4)
    height = outline_of(model).height_at(along) + 0.06
    thick = np.array([0.015, 0.03, 0.03, 0.015])
    return [tube(np.stack([np.full(4, side * half_m), -along, height], 1), thick, spot.middle, 4) for side in (-1, 1)]


def _bars(start_m: float, end_m: float, top_m: float, half_m: float, count: int) -> list[Mesh]:
    places = np.linspace(start_m + 0.18, end_m - 0.18, count)
    return [
        _slab(-half_m - 0.05, half_m + 0.05, at, at + 0.06, top_m + 0.06, top_m + 0.11, METAL_SPOT) for at in places
    ]


def _roof_load(gear: Gear, start_m: float, end_m: float, low_m: float, half_m: float) -> list[Mesh]:
    """Build a roof box, a ladder, boards or a covered heap."""
    middle_m, across_m = (start_m + end_m) / 2, half_m * 0.45 * gear.roof_side
    long_m = min(1.0, (end_m - start_m) / 2)
    if gear.roof_load == "box":
        along = np.array([1.0, 0.93, 0.6, 0, -0.7, -0.94, -1.0])
        path = np.stack([np.full(7, across_m), -middle_m + along * long_m, np.full(7, low_m + 0.12)], 1)
        wide = np.array(
            [(0.10, 0.04), (0.25, 0.09), (0.34, 0.14), (0.37, 0.16), (0.37, 0.16), (0.31, 0.11), (0.2, 0.06)]
        )
        return [tube(path, wide, SECOND_SPOT.middle, 10)]
    if gear.roof_load == "ladder":
        rails = [
            _slab(across_m + at, across_m + at + 0.05, start_m - 0.1, end_m + 0.1, low_m, low_m + 0.07, METAL_SPOT)
            for at in (-0.2, 0.2)
        ]
        rungs = [
            _slab(across_m - 0.2, across_m + 0.2, at, at + 0.05, low_m + 0.01, low_m + 0.06, METAL_SPOT)
            for at in np.arange(start_m, end_m, 0.32)
        ]
        return rails + rungs
    if gear.roof_load == "boards":
        return [_slab(-half_m * 0.6, half_m * 0.5, start_m, end_m + 0.15, low_m, low_m + 0.14, CARGO)]
    if gear.roof_load == "heap":
        path = np.array([(0, -middle_m + at * long_m, low_m + 0.12) for at in (1, 0.6, 0, -0.6, -1)])
        wide = np.array([(0.35, 0.10), (0.55, 0.24), (0.58, 0.28), (0.52, 0.22), (0.36, 0.12)])
        return [tube(path, wide, CARGO.middle, 8)]
    return []


def _spoiler(model: Model, gear: Gear) -> Mesh:
    """Build a lip over the rear window, or on the boot of a saloon."""
    assert model.rear_window is not None
    half_m = model.width_m / 2 * 0.60
    spot = DARK_SPOT if gear.spoiler == "dark" else PAINT_SPOT
    if model.body == "saloon":
        at_m = model.length_m - 0.30
        low_m = float(outline_of(model).height_at(np.array(at_m))) + 0.05
        return _slab(-half_m * 1.05, half_m * 1.05, at_m, at_m + 0.16, low_m, low_m + 0.05, spot)
    at_m = model.rear_window[0] - 0.06
    low_m = float(outline_of(model).height_at(np.array(at_m + 0.10)))
    return _slab(-half_m, half_m, at_m, at_m + 0.24, low_m - 0.02, low_m + CROWN_M, spot)


def _roof_units(model: Model, gear: Gear) -> list[Mesh]:
    """Build air conditioning and hatches of a bus, or a wind deflector on the cab of a truck."""
    top_m = max(height for _, height in model.roofline)
    if model.decks:
        places = {0: (), 1: ((2.2, 4.4),), 2: ((3.0, 4.8), (7.2, 8.4)), 3: ((5.0, 7.6),)}[gear.roof_units]
        return [_slab(-0.78, 0.78, a, b, top_m - 0.02, top_m + 0.20, PAINT_SPOT) for a, b in places]
    if not gear.roof_units or model.load_m is None or model.load_m[1] < top_m + 0.25:
        return []
    high_m = model.load_m[1] - 0.12
    half_m = model.width_m / 2 * 0.72
    back_m = cab_length_m(model) - 0.1
    side = np.array(
        [(0.62, top_m - 0.02), (0.85, top_m + (high_m - top_m) * 0.45), (1.25, high_m - 0.03), (back_m, high_m)]
    )
    rings = np.array([[(x, -at, z) for at, z in side] for x in (-half_m, -half_m * 0.96, half_m * 0.96, half_m)])
    rings[[0, 3], :, 2] = top_m - 0.02
    return [grid(rings, np.broadcast_to(PAINT_SPOT.middle, (4, 4, 2)), flip=True)]


def _beacons(model: Model) -> Mesh:
    top_m = max(height for _, height in model.roofline)
    return _slab(-0.55, 0.55, 0.95, 1.15, top_m, top_m + 0.16, SIGN_SPOT)
