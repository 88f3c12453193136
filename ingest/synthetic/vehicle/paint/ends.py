"""Front and rear of cars and vans: lamps, grille, bumpers, plate, doors. Across from -1 to 1, up in metres."""

import numpy as np

from ingest.synthetic.vehicle.body.loft import end_share, outline_of
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.glass import BLACK, paint_side_glass, varnish
from ingest.synthetic.vehicle.paint.lamp_places import head_height_m, tail_height_m
from ingest.synthetic.vehicle.paint.panel import Colour, Panel, Points, bgr, corners, round_points
from ingest.synthetic.vehicle.paint.sides import AMBER, LAMP_RED, LAMP_WHITE

_CHROME, _PLASTIC = bgr(198, 200, 202), bgr(44, 44, 45)


def paint_base(panel: Panel, model: Model, livery: Livery, top_m: float) -> None:
    """Paint varnish over the whole end."""
    share = (panel.heights() * top_m - model.sill_m) / (model.belt_m - model.sill_m)
    panel.image[:] = varnish(livery.paint, share.clip(0, 1)).round().clip(0, 255)[:, None]


def paint_plate(panel: Panel, model: Model, middle_m: float, colour: Colour, style: int, shift: float = 0.0) -> None:
    """Paint a plate with blots where characters would be."""
    half, tall = 0.26 / (model.width_m / 2), 0.058
    left, right = shift - half, shift + half
    panel.rectangle(left - 0.02, middle_m - tall - 0.012, right + 0.02, middle_m + tall + 0.012, bgr(36, 36, 38))
    panel.rectangle(left, middle_m - tall, right, middle_m + tall, colour)
    for k in range(6):
        at = shift + half * (-0.80 + 0.27 * k + (0.10 if k > 2 + style % 2 else 0.0))
        tone = 70 + 30 * ((style * 5 + k * 3) % 3)
        panel.rectangle(at, middle_m - 0.034, at + half * 0.17, middle_m + 0.034, bgr(tone, tone, tone))


def paint_front(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the face of a car or van."""
    edge, z = end_share(model, front=True), head_height_m(model)
    low = model.sill_m + 0.06
    if livery.bare or model.body == "pickup":
        panel.rectangle(-1, 0, 1, z - 0.16, bgr(58, 58, 58))
    panel.line([(-1, z - 0.17), (1, z - 0.17)], livery.paint * 0.55)
    _paint_grille(panel, model, livery, z, edge)
    intake = (z - low) * 0.38
    _paint_lip(panel, livery, low, intake, edge)
    if livery.fog_lamps:
        for side in (-1, 1):
            panel.ellipse(side * edge * 0.80, low + intake * 0.55, 0.06, 0.045, bgr(20, 20, 20))
            panel.ellipse(side * edge * 0.80, low + intake * 0.55, 0.04, 0.03, bgr(205, 205, 200))
    for side in (-1, 1):
        _paint_head_lamp(panel, model, livery, side, z, edge)
    if livery.papers != 7:
        paint_plate(panel, model, low + intake + 0.07, livery.plate_bgr, livery.layout, livery.plate_shift)
    panel.rectangle(-1, 0, 1, low, BLACK)


def _paint_lip(panel: Panel, livery: Livery, low: float, intake: float, edge: float) -> None:
    """Paint the lower air intake, in one of five ways."""
    wide = (0.72, 0.45, 0.86, 0.60, 0.72)[livery.lip]
    panel.fill([(-edge * wide * 1.15, low), (-edge * wide, low + intake), (edge * wide, low + intake),
                (edge * wide * 1.15, low)], BLACK)  # fmt: skip
    for row in (0.3, 0.6):
        panel.line([(-edge * wide, low + intake * row), (edge * wide, low + intake * row)], bgr(52, 52, 54))
    if livery.lip == 3:
        panel.rectangle(-edge * 0.7, low, edge * 0.7, low + 0.06, _CHROME)
    elif livery.lip == 4:
        panel.rectangle(-edge, low, edge, low + 0.05, livery.paint * 0.9)
    elif livery.lip == 1:
        for side in (-1, 1):
            panel.rectangle(side * edge * 0.66, low + 0.02, side * edge * 0.92, low + intake, BLACK)


def _paint_head_lamp(panel: Panel, model: Model, livery: Livery, side: int, z: float, edge: float) -> None:
    """Paint a head lamp in one of five shapes, from the grille to the corner."""
    shapes: tuple[Points, ...] = (
        [(0.50, z - 0.05), (0.46, z + 0.05), (edge, z + 0.08), (edge, z - 0.08)],
        [(0.40, z - 0.01), (0.42, z + 0.03), (edge, z + 0.09), (edge, z - 0.06)],
        round_points(0.60, z, 0.17, 0.105),
        [(0.52, z - 0.11), (0.50, z + 0.10), (edge, z + 0.10), (edge, z - 0.11)],
        [(0.36, z + 0.02), (0.36, z + 0.045), (edge, z + 0.075), (edge, z + 0.005)],
    )
    shape = [(side * a, b) for a, b in shapes[model.lamps]]
    panel.fill([(a * 1.03, b + (0.015 if b > z else -0.015)) for a, b in shape], bgr(40, 40, 42))
    panel.shade(shape, bgr(222, 222, 220) * livery.lens, bgr(150, 150, 150) * livery.lens)
    panel.ellipse(side * (edge * 0.52 + 0.28), z, 0.065, 0.05, LAMP_WHITE)
    if model.lamps in (1, 4):
        panel.line([(side * 0.44, z - 0.035), (side * edge, z - 0.05)], LAMP_WHITE)


def _paint_grille(panel: Panel, model: Model, livery: Livery, z: float, edge: float) -> None:
    """Paint one of five grilles with a badge."""
    shapes: tuple[Points, ...] = (
        corners(-0.42, z - 0.05, 0.42, z + 0.06),
        [(-0.36, z + 0.07), (0.36, z + 0.07), (0.42, z - 0.10), (0.28, z - 0.22), (-0.28, z - 0.22), (-0.42, z - 0.10)],
        corners(-0.34, z - 0.015, 0.34, z + 0.045),
        corners(-0.44, z - 0.16, 0.44, z + 0.08),
        corners(-0.2, z - 0.01, 0.2, z + 0.01),
    )
    frame = _CHROME if livery.trim == "bright" else livery.paint * 0.5
    shape = shapes[model.grille]
    panel.fill([(a * 1.06, b + (0.015 if b > z else -0.015)) for a, b in shape], frame)
    panel.fill(shape, bgr(26, 26, 28))
    bars = 3 if model.grille in (0, 3) else 0
    for row in range(bars):
        level = z - 0.12 + 0.07 * row
        panel.line([(-0.40, level), (0.40, level)], _CHROME * 0.7)
    panel.ellipse(0, z + 0.02, 0.055, 0.045, bgr(208, 208, 208))


def paint_rear(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the back of a car or van."""
    edge, z = end_share(model, front=False), tail_height_m(model)
    bumper = min(0.66, z - 0.10) if model.kind == "car" else 0.62
    if model.kind == "van":
        _paint_van_doors(panel, model, livery)
    elif model.body == "pickup":
        _paint_tailgate(panel, model, livery)
    boot = livery.panels[1]
    if boot is not None and model.kind == "car" and model.load_m is None:
        panel.tint(corners(-edge * 0.86, bumper, edge * 0.86, z + 0.6), boot, 0.9)
    if livery.bare:
        panel.rectangle(-1, 0, 1, bumper, bgr(58, 58, 58))
    panel.line([(-edge, bumper), (edge, bumper)], livery.paint * 0.5)
    panel.line([(-edge, bumper - 0.02), (edge, bumper - 0.02)], livery.paint * 1.1 + 8)
    for side in (-1, 1):
        _paint_tail_lamp(panel, model, livery, side, z, edge)
        panel.rectangle(
            side * edge * 0.62, model.sill_m + 0.16, side * edge * 0.88, model.sill_m + 0.20, bgr(30, 24, 140)
        )
    if model.tail == 4 and model.kind == "car":
        panel.rectangle(-edge, z + 0.02, edge, z + 0.05, LAMP_RED)
    elif livery.trim == "bright":
        panel.rectangle(-0.4, z - 0.06, 0.4, z - 0.03, _CHROME)
    low = model.sill_m + 0.13
    _paint_skirt(panel, livery, low)
    for side in (-1, 1) if livery.layout % 3 == 0 else (-1,) if livery.layout % 3 == 1 else ():
        panel.ellipse(side * 0.56, model.sill_m + 0.07, 0.055, 0.03, bgr(150, 150, 152))
    middle = (bumper - 0.12) if model.tail in (1, 3) or model.kind == "van" else min(z - 0.04, bumper + 0.13)
    panel.rectangle(-0.36, middle - 0.09, 0.36, middle + 0.09, livery.paint * 0.72)
    paint_plate(panel, model, middle, livery.rear_plate_bgr, livery.pattern, livery.plate_shift * 0.6)
    panel.ellipse(0, middle + 0.16, 0.05, 0.04, bgr(208, 208, 208))
    for left in (-0.42, 0.34):
        panel.rectangle(left, middle + 0.145, left + 0.14, middle + 0.165, _CHROME * 0.85)


def _paint_skirt(panel: Panel, livery: Livery, low: float) -> None:
    """Paint the skirt below the rear bumper: plastic, high or low, at times with a bright insert."""
    high = low + (0.05, 0.14, 0.05, -0.04)[livery.skirt]
    panel.fill([(-1, 0), (-1, low), (-0.6, high), (0.6, high), (1, low), (1, 0)], _PLASTIC * 0.7)
    if livery.skirt == 2:
        panel.rectangle(-0.45, low - 0.08, 0.45, low + 0.03, _CHROME * 0.85)


def _paint_tail_lamp(panel: Panel, model: Model, livery: Livery, side: int, z: float, edge: float) -> None:
    """Paint a tail lamp in one of five shapes; vans and pickups have upright ones at the edge."""
    if model.kind == "van" or model.body == "pickup":
        half = 0.30 if model.tail == 1 else 0.20
        panel.rectangle(side * (edge - 0.13), z - half, side * edge, z + half, LAMP_RED)
        panel.rectangle(side * (edge - 0.12), z - half * 0.1, side * edge, z + half * 0.3, AMBER)
        panel.rectangle(side * (edge - 0.12), z - half, side * edge, z - half * 0.6, bgr(200, 200, 205))
        return
    shapes: tuple[Points, ...] = (
        [(0.50, z - 0.06), (0.46, z + 0.06), (edge, z + 0.11), (edge, z - 0.10)],
        [(edge - 0.14, z - 0.20), (edge - 0.12, z + 0.16), (edge, z + 0.18), (edge, z - 0.20)],
        [(0.42, z + 0.0), (0.40, z + 0.05), (edge, z + 0.09), (edge, z - 0.08), (0.62, z - 0.05)],
        round_points(edge - 0.14, z, 0.15, 0.12),
        [(0.40, z - 0.01), (0.40, z + 0.05), (edge, z + 0.06), (edge, z - 0.04)],
    )
    shape = [(side * a, b) for a, b in shapes[model.tail]]
    panel.fill([(a * 1.02, b + (0.012 if b > z else -0.012)) for a, b in shape], bgr(24, 20, 60))
    panel.shade(shape, LAMP_RED * 1.2 * livery.lens, LAMP_RED * 0.8 * livery.lens)
    panel.rectangle(side * (edge - 0.12), z - 0.02, side * (edge - 0.03), z + 0.03, bgr(90, 90, 235))
    panel.rectangle(side * (edge * 0.82 - 0.06), z - 0.055, side * (edge * 0.82 + 0.04), z - 0.02, bgr(190, 190, 215))


def _paint_van_doors(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint two doors or a tailgate, with or without windows."""
    top = model.height_m - 0.22
    glazed = model.cab_m is None or livery.pattern % 3 != 0
    panel.line([*corners(-0.84, 0.64, 0.84, top + 0.04), (-0.84, 0.64)], livery.paint * 0.55)
    if model.cab_m is not None:
        panel.line([(0, 0.64), (0, top + 0.04)], livery.paint * 0.42, 2)
        panel.rectangle(0.04, 1.02, 0.14, 1.07, BLACK)
    if glazed:
        spans = ((-0.74, 0.74),) if model.cab_m is None else ((-0.74, -0.07), (0.07, 0.74))
        low = model.belt_m + 0.06
        for a, b in spans:
            panel.rectangle(a - 0.03, low - 0.03, b + 0.03, min(top, low + 0.72) + 0.03, BLACK)
            paint_side_glass(panel, corners(a, low, b, min(top, low + 0.72)), livery.tint * livery.privacy, mirror=0.4)
    panel.rectangle(-0.16, top + 0.06, 0.16, top + 0.10, bgr(40, 30, 150))
    _paint_van_lettering(panel, model, livery)


def _paint_van_lettering(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the stripe of the sides, chevrons and lettering, as firms have them on rear doors."""
    belt = model.belt_m
    if livery.stripe:
        low = belt * (0.34 + 0.10 * livery.stripe)
        panel.rectangle(-0.84, low, 0.84, low + belt * (0.06 + 0.03 * (livery.pattern % 4)), livery.accent)
    if livery.layout in (1, 5) and model.cab_m is not None:
        for k in range(-4, 5):
            colour = bgr(40, 40, 200) if k % 2 else bgr(40, 200, 235)
            slope = 0.18 if k >= 0 else -0.18
            panel.fill([(k * 0.18, 0.66), (k * 0.18 + 0.18, 0.66), (k * 0.18 + 0.18 - slope, belt - 0.22),
                        (k * 0.18 - slope, belt - 0.22)], colour)  # fmt: skip
    if not livery.words:
        return
    if livery.layout in (2, 6):
        panel.rectangle(-0.80, belt - 0.36, 0.80, belt - 0.02, livery.other)
        panel.text(livery.words, 0.0, belt - 0.19, 0.20, 1.5, bgr(240, 240, 240), 2)
    else:
        panel.text(livery.words.split()[0], 0.0, belt - 0.16, 0.10 + 0.04 * (livery.layout % 4), 1.4, livery.accent, 2)


def _paint_tailgate(panel: Panel, model: Model, livery: Livery) -> None:
    assert model.load_m is not None
    rim = model.load_m[1]
    panel.line([*corners(-0.82, 0.62, 0.82, rim - 0.02), (-0.82, 0.62)], livery.paint * 0.5)
    panel.rectangle(-0.16, rim - 0.16, 0.16, rim - 0.10, livery.paint * 0.4)
    if livery.words:
        panel.text(livery.words.split()[0], 0.0, 0.82, 0.12, 1.0, livery.paint * 0.6, 2)
    roof = float(outline_of(model).height_at(np.array(model.load_m[0] - 0.3))) - 0.12
    panel.rectangle(-0.70, rim + 0.06, 0.70, roof + 0.02, BLACK)
    paint_side_glass(panel, corners(-0.66, rim + 0.09, 0.66, roof), livery.tint * livery.privacy)
