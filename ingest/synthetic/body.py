"""The shape of a vehicle: lofts from side profiles, wheels and mirrors, as one mesh over one texture atlas.

A body has its front bumper's middle at the origin and extends backwards, to negative y.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingest.synthetic.atlas_layout import FRONT, PAINT_SPOT, REAR, ROOF, SIDE, UNDERBODY_SPOT, WHEEL
from ingest.synthetic.mesh import Floats, Mesh, box, grid, join
from ingest.synthetic.models import BOX_TOP_M, Model

_CAB_TO_BOX_M = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A smoothed roofline with its length measured along the arc, for painting the roof without stretching.

    distance_m: (S,) stations from the front; along: (S,) share of the arc from 0 to 1.
    """

    distance_m: Floats
    along: Floats
    height_at: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class _Taper:
    """How a loft narrows: tumblehome of the windows, and the lengths over which nose and tail round off."""

    tumblehome: float
    nose_m: float
    tail_m: float


def outline_of(model: Model) -> Outline:
    """The outline of the front loft of a model: the whole body, or the cab of a truck."""
    length_m = _front_length_m(model)
    height_at = _smooth_roofline(model, 0.05 if model.large else 0.14)
    stations = _stations(model, 0.0, length_m)
    heights = height_at(stations)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(stations), np.diff(heights)))])
    return Outline(stations, arc / arc[-1], height_at)


def build_body(model: Model, rng: np.random.Generator) -> Mesh:
    """The mesh of one vehicle; `rng` draws what sits on it (roof racks, a third axle)."""
    outline = outline_of(model)
    taper = _taper_of(model)
    parts = [_loft(model, outline, model.width_m, model.sill_m, model.belt_m, taper, closed=True)]
    axles = list(model.axles_m)
    if model.box_from_m is not None:
        parts += _truck_box(model)
        if rng.random() < 0.4:
            axles.append(model.axles_m[1] - 1.3)
    for axle_m in axles:
        parts += [_wheel(model, axle_m, side) for side in (1, -1)]
    parts += _mirrors(model)
    if model.kind in ("car", "van") and rng.random() < 0.3:
        parts += _roof_rack(model, outline)
    return join(parts)


def _front_length_m(model: Model) -> float:
    return model.length_m if model.box_from_m is None else model.box_from_m - _CAB_TO_BOX_M


def _taper_of(model: Model) -> _Taper:
    if model.box_from_m is not None:
        return _Taper(0.05, 0.2, 0.1)
    if model.decks:
        return _Taper(0.04, 0.25, 0.2)
    return _Taper(0.16 if model.kind == "van" else 0.30, 0.55, 0.45)


def _smooth_roofline(model: Model, window_m: float) -> Callable[[Floats], Floats]:
    distances, heights = np.array(model.roofline).T
    fine = np.linspace(distances[0], distances[-1], 800)
    count = max(1, int(window_m / (fine[1] - fine[0]))) | 1
    padded = np.pad(np.interp(fine, distances, heights), count // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(count) / count, "valid")
    return lambda distance_m: np.interp(distance_m, fine, smooth)


def _stations(model: Model, from_m: float, to_m: float) -> Floats:
    """Where the loft has sections: dense at both ends and at the corners of the roofline."""
    step_m = 0.35 if to_m - from_m < 6 else 0.9
    ends = np.array([0.0, 0.04, 0.12, 0.25, 0.45])
    corners = [distance for distance, _ in model.roofline if from_m < distance < to_m]
    middle = np.arange(from_m + 0.45, to_m - 0.45, step_m)
    return np.unique(np.round(np.concatenate([from_m + ends, middle, to_m - ends, corners]), 3))


def _sections(stations: Floats, heights: Floats, width_m: float, sill_m: float, belt_m: float, taper: _Taper) -> Floats:
    """Half sections (S, 10, 2) of (half width, height), from the sill up to the middle of the roof."""
    from_nose, from_tail = stations - stations[0], stations[-1] - stations
    half = np.full(len(stations), width_m / 2)
    half *= 1 - 0.20 * np.clip(1 - from_nose / taper.nose_m, 0, 1) ** 2.2
    half *= 1 - 0.16 * np.clip(1 - from_tail / taper.tail_m, 0, 1) ** 2.2
    shoulder = np.minimum(belt_m, heights - 0.04)
    edge = heights - 0.03
    rail = 0.97 * half - np.maximum(0, edge - shoulder) * taper.tumblehome
    wall = shoulder - sill_m
    widths = (0.90 * half, 0.985 * half, half, 0.995 * half, 0.97 * half, (0.97 * half + rail) / 2, rail,
              0.93 * rail, 0.5 * rail, 0 * rail)  # fmt: skip
    levels = (np.full_like(half, sill_m), np.full_like(half, sill_m + 0.10), sill_m + wall * 0.45,
              sill_m + wall * 0.78, shoulder, (shoulder + edge) / 2, edge,
              heights, heights + 0.025, heights + 0.035)  # fmt: skip
    return np.stack([np.stack(widths, 1), np.stack(levels, 1)], -1)


_RAIL = 6  # the section point where the side ends and the roof begins
_ROOF_ACROSS = np.array([1, 0.93, 0.5, 0])


def _loft(
    model: Model,
    outline: Outline,
    width_m: float,
    sill_m: float,
    belt_m: float,
    taper: _Taper,
    *,
    closed: bool,
) -> Mesh:
    """Sides, roof and rear end, and with `closed` a front end: a box has a flat one of its own."""
    stations = outline.distance_m
    heights = outline.height_at(stations)
    sections = _sections(stations, heights, width_m, sill_m, belt_m, taper)
    top_m = texture_top_m(model)
    parts = []
    for side in (1, -1):
        wall = _in_space(sections[:, : _RAIL + 1], stations, side)
        wall_uv = np.stack(np.broadcast_arrays((stations / model.length_m)[:, None], wall[..., 2] / top_m), -1)
        parts.append(grid(wall, SIDE.uv(wall_uv), flip=side > 0))
        roof = _in_space(sections[:, _RAIL:], stations, side)
        across = 0.5 + 0.5 * side * _ROOF_ACROSS
        roof_uv = np.stack(np.broadcast_arrays(outline.along[:, None], across[None]), -1)
        parts.append(grid(roof, ROOF.uv(roof_uv), flip=side > 0))
    if closed:
        parts.append(_cap(sections[0], -stations[0], 0.10, width_m, top_m, front=True))
    parts.append(_cap(sections[-1], -stations[-1], 0.10, width_m, top_m, front=False))
    return join(parts)


def texture_top_m(model: Model) -> float:
    """The height at the upper edge of the side, front and rear pictures."""
    return BOX_TOP_M + 0.15 if model.box_from_m is not None else model.height_m + 0.06


def _in_space(sections: Floats, stations: Floats, side: int) -> Floats:
    y = np.broadcast_to(-stations[:, None], sections.shape[:2])
    return np.stack([side * sections[..., 0], y, sections[..., 1]], -1)


def _cap(section: Floats, y_m: float, bulge_m: float, width_m: float, top_m: float, *, front: bool) -> Mesh:
    """The end of a loft, bulging out in the middle."""
    across = np.linspace(-1, 1, 9)
    x = section[:, :1] * across
    z = np.broadcast_to(section[:, 1:], x.shape)
    y = y_m + (1 if front else -1) * bulge_m * (1 - across**2)
    points = np.stack(np.broadcast_arrays(x, y[None], z), -1)
    region = FRONT if front else REAR
    uv = region.uv(np.stack([0.5 + x / width_m, z / top_m], -1))
    return grid(points, uv, flip=not front)


def _truck_box(model: Model) -> list[Mesh]:
    assert model.box_from_m is not None
    half, front_m, rear_m = model.width_m / 2, -model.box_from_m, -model.length_m
    stations = np.array([model.box_from_m, (model.box_from_m + model.length_m) / 2, model.length_m])
    flat = Outline(
        stations,
        0.62 + 0.3 * np.linspace(0, 1, 3),
        lambda distance_m: np.full(np.shape(distance_m), BOX_TOP_M),
    )
    taper = _Taper(0.0, 0.01, 0.01)
    body = _loft(model, flat, model.width_m / 0.97, 0.95, 2.0, taper, closed=False)
    wall = np.array([[(half, front_m, z), (-half, front_m, z)] for z in (0.95, BOX_TOP_M)])
    wall_uv = ROOF.uv(np.array([[(0.70, 0.3), (0.70, 0.7)], [(0.80, 0.3), (0.80, 0.7)]]))
    low, high = (-half * 0.8, rear_m + 0.3, 0.4), (half * 0.8, -1.5, 1.0)
    return [body, grid(wall, wall_uv, flip=True), box(low, high, UNDERBODY_SPOT.uv(np.array([0.5, 0.5])))]


def _wheel(model: Model, axle_m: float, side: int, segments: int = 16) -> Mesh:
    """A disc with a tread; the arch above it is painted."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    radius = model.wheel_radius_m
    rim = np.stack([np.zeros_like(angle), radius * np.cos(angle), radius * np.sin(angle)], 1)
    outer = rim + np.array([side * (model.width_m / 2 * 0.992 + 0.004), -axle_m, radius])
    inner = rim + np.array([side * (model.width_m / 2 - 0.25), -axle_m, radius])
    hub = np.broadcast_to([outer[0, 0], -axle_m, radius], outer.shape)
    circle = 0.5 + 0.46 * np.stack([np.cos(angle), np.sin(angle)], 1)
    disc = grid(
        np.stack([hub, outer]),
        WHEEL.uv(np.stack([np.full_like(circle, 0.5), circle])),
        flip=side < 0,
    )
    tyre = np.broadcast_to(WHEEL.uv(np.array([0.5, 0.96])), (2, segments + 1, 2))
    tread = grid(np.stack([outer, inner]), tyre, flip=side < 0)
    return join([disc, tread])


def _mirrors(model: Model) -> list[Mesh]:
    if model.decks:
        return []
    back_m = model.windscreen[0] + 0.35 if model.windscreen else 0.35
    low_m, height_m = model.belt_m + 0.02, 0.3 if model.length_m > 5 else 0.13
    near, out = model.width_m / 2 * 0.93, model.width_m / 2 + 0.14
    uv = PAINT_SPOT.uv(np.array([0.5, 0.5]))
    return [
        box(
            (min(side * near, side * out), -back_m - 0.05, low_m),
            (max(side * near, side * out), -back_m + 0.05, low_m + height_m),
            uv,
        )
        for side in (1, -1)
    ]


def _roof_rack(model: Model, outline: Outline) -> list[Mesh]:
    """Two rails along the roof and two bars across."""
    start_m = (model.windscreen[1] if model.windscreen else 1.0) + 0.25
    end_m = (model.rear_window[0] if model.rear_window else model.length_m) - 0.35
    if end_m - start_m < 0.6:
        return []
    uv = UNDERBODY_SPOT.uv(np.array([0.5, 0.5]))
    top_m = float(np.max(outline.height_at(np.array([start_m, end_m])))) + 0.04
    half = model.width_m / 2 * 0.66
    rails = [
        box((side * half - 0.03, -end_m, top_m), (side * half + 0.03, -start_m, top_m + 0.07), uv) for side in (1, -1)
    ]
    bars = [
        box((-half, -at - 0.04, top_m + 0.06), (half, -at + 0.04, top_m + 0.11), uv)
        for at in (start_m + 0.15, end_m - 0.15)
    ]
    return rails + bars
