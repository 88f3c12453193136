"""Front and rear of buses and trucks. Across from -1 to 1, up in metres."""

import numpy as np

from ingest.synthetic.vehicle.body.loft import end_share
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.ends import paint_plate
from ingest.synthetic.vehicle.paint.glass import BLACK, paint_side_glass
from ingest.synthetic.vehicle.paint.lamp_places import head_height_m, tail_height_m
from ingest.synthetic.vehicle.paint.large_sides import paint_sign, readable
from ingest.synthetic.vehicle.paint.panel import Panel, Points, bgr, corners, round_points
from ingest.synthetic.vehicle.paint.sides import AMBER, LAMP_RED, LAMP_WHITE

_DIGITS = bgr(60, 190, 250)


def paint_bus_front(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint windscreens, display, lamps and wipers of a bus."""
    edge = end_share(model, front=True) * 0.98
    low = model.belt_m - 0.12 if model.body != "coach" else 1.15
    tops = [min(low + 1.50, model.height_m - 0.20)]
    if model.decks == 2:
        tops = [2.38, model.height_m - 0.30]
        _paint_screen(panel, livery, model.height_m - 1.50, tops[1], edge, split=False)
    _paint_screen(panel, livery, low, tops[0], edge, split=model.lamps == 0)
    display = tops[0] - 0.36 if model.decks == 1 else 2.42
    panel.rectangle(-edge * 0.80, display, edge * 0.80, display + 0.34, bgr(14, 14, 15))
    panel.text(livery.route, 0.0, display + 0.17, 0.24, edge * 1.45, _DIGITS, 2)
    if livery.people:
        panel.tint(round_points(0.45, low + 0.42, 0.13, 0.16), bgr(86, 100, 128), 0.6)
        panel.tint(corners(0.28, low, 0.62, low + 0.28), bgr(110, 84, 60), 0.6)
    panel.line([(-0.1, low + 0.02), (0.5, low + 0.55)], bgr(12, 12, 12))
    panel.line([(-0.8, low + 0.02), (-0.3, low + 0.60)], bgr(12, 12, 12))
    z = head_height_m(model)
    if livery.layout % 2:
        panel.rectangle(-1, 0.30, 1, z + 0.20, livery.accent)
    for side in (-1, 1):
        shapes: tuple[Points, ...] = (
            corners(0.46, z - 0.11, edge, z + 0.11),
            [(0.42, z - 0.04), (0.5, z + 0.10), (edge, z + 0.16), (edge, z - 0.10)],
            round_points(0.70, z, 0.18, 0.13),
        )
        panel.fill([(side * a, b) for a, b in shapes[model.lamps]], bgr(52, 52, 54))
        for middle in (0.58, 0.77):
            panel.ellipse(side * middle, z, 0.075, 0.075, LAMP_WHITE)
        panel.rectangle(side * (edge - 0.07), z - 0.06, side * edge, z + 0.06, AMBER)
    panel.line([(-1, z - 0.18), (1, z - 0.18)], livery.paint * 0.5)
    panel.rectangle(-0.36, z - 0.05, 0.36, z + 0.10, livery.paint * 0.72)
    paint_plate(panel, model, 0.50, livery.plate_bgr, livery.layout)
    panel.rectangle(-1, 0, 1, model.sill_m + 0.07, BLACK)


def _paint_screen(panel: Panel, livery: Livery, low: float, high: float, edge: float, *, split: bool) -> None:
    panel.fill(
        [(-edge, low - 0.06), (-edge * 0.98, high + 0.05), (edge * 0.98, high + 0.05), (edge, low - 0.06)], BLACK
    )
    screen = [(-edge * 0.95, low), (-edge * 0.93, high), (edge * 0.93, high), (edge * 0.95, low)]
    paint_side_glass(panel, screen, livery.tint * 1.15, mirror=0.52)
    panel.tint(corners(-edge * 0.94, low, edge * 0.94, low + 0.16), bgr(60, 58, 56), 0.5)
    if split:
        panel.line([(0, low), (0, high)], BLACK, 2)


def paint_bus_rear(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint rear windows, engine flap, lamps and an advertisement of a bus."""
    edge = end_share(model, front=False) * 0.98
    low = model.belt_m + 0.35
    spans = [(low, min(low + 0.95, model.height_m - 0.45))]
    if model.decks == 2:
        spans = [(model.height_m - 1.45, model.height_m - 0.55)]
    for a, b in spans:
        panel.rectangle(-edge * 0.86, a - 0.05, edge * 0.86, b + 0.05, BLACK)
        paint_side_glass(panel, corners(-edge * 0.82, a, edge * 0.82, b), livery.tint * livery.privacy, mirror=0.42)
    if model.decks == 2 or livery.pattern % 2 == 0:
        a, b = (1.75, model.height_m - 1.62) if model.decks == 2 else (1.30, low - 0.09)
        panel.rectangle(-edge * 0.80, a, edge * 0.80, b, livery.other)
        panel.text(livery.words or "Metro", 0.0, (a + b) / 2, (b - a) * 0.4, edge * 1.3, bgr(240, 240, 240), 2)
    if livery.layout in (0, 4, 7) and model.decks == 1:  # an advertisement over the whole rear
        panel.rectangle(-edge, 0.60, edge, model.height_m - 0.48, livery.accent)
        panel.ellipse((livery.logo - 2.5) * 0.15, 1.9, 0.50, 0.55, livery.other)
        panel.text(livery.words or livery.route, 0.0, 1.35, 0.30, edge * 1.7, bgr(240, 240, 240), 2)
    panel.text(
        str(100 + livery.grain % 900), 0.62 if livery.logo % 2 else -0.62, 1.30, 0.13, 0.4, readable(livery.paint)
    )
    display = model.height_m - 0.38
    panel.rectangle(-0.40, display, 0.40, display + 0.24, bgr(14, 14, 15))
    panel.text(livery.route.split()[0], 0.0, display + 0.12, 0.17, 0.7, _DIGITS, 2)
    panel.rectangle(-0.70, 0.62, 0.70, 1.18, livery.paint * 0.62)
    for level in np.arange(0.68, 1.16, 0.08):
        panel.line([(-0.66, level), (0.66, level)], livery.paint * 0.42)
    z = tail_height_m(model)
    for side in (-1, 1):
        inner = side * (edge - 0.13)
        if model.tail == 1:
            for level, colour in ((z - 0.2, LAMP_RED), (z, LAMP_RED), (z + 0.2, AMBER)):
                panel.ellipse(side * (edge - 0.09), level, 0.075, 0.09, colour)
        else:
            panel.rectangle(inner, z - 0.36, side * edge, z + 0.36, LAMP_RED)
            panel.rectangle(inner, z - 0.05, side * edge, z + 0.12, AMBER)
            panel.rectangle(inner, z - 0.36, side * edge, z - 0.22, bgr(205, 205, 210))
        panel.rectangle(inner, model.height_m - 0.30, side * edge, model.height_m - 0.22, LAMP_RED)
    panel.line([(-1, 0.58), (1, 0.58)], livery.paint * 0.5)
    paint_plate(panel, model, 0.46, livery.rear_plate_bgr, livery.pattern)
    panel.rectangle(-1, 0, 1, model.sill_m + 0.06, BLACK)


def paint_truck_front(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint windscreen with sun visor, grille, and bumper with lamps of a truck."""
    edge, belt, roof = end_share(model, front=True), model.belt_m, model.roofline[2][1]
    top = roof - 0.30
    panel.fill([(-edge, belt - 0.12), (-edge, top + 0.04), (edge, top + 0.04), (edge, belt - 0.12)], BLACK)
    screen = [(-edge * 0.95, belt - 0.06), (-edge * 0.95, top), (edge * 0.95, top), (edge * 0.95, belt - 0.06)]
    paint_side_glass(panel, screen, livery.tint * 1.15, mirror=0.55)
    panel.tint(corners(-edge * 0.95, belt - 0.06, edge * 0.95, belt + 0.08), bgr(60, 58, 56), 0.5)
    if livery.people:
        panel.tint(round_points(0.42, belt + 0.30, 0.14, 0.17), bgr(86, 100, 128), 0.6)
        panel.tint(corners(0.24, belt - 0.04, 0.62, belt + 0.16), livery.other, 0.5)
    for side in (-0.1, 0.5):
        panel.line([(side, belt - 0.04), (side - 0.5, belt + 0.10)], bgr(10, 10, 10))
    if livery.sun_strip:
        panel.rectangle(-edge, top - 0.14, edge, top + 0.10, bgr(30, 30, 32))
    if livery.words:
        panel.text(livery.words.split()[0], 0.0, roof - 0.16, 0.14, 1.2, readable(livery.paint), 2)
    z = head_height_m(model)
    low, high = z + 0.16, belt - 0.26
    panel.fill([(-edge * 0.80, low), (-edge * 0.72, high), (edge * 0.72, high), (edge * 0.80, low)], bgr(34, 34, 36))
    for level in np.linspace(low + 0.04, high - 0.04, 3 + model.grille):
        panel.line(
            [(-edge * 0.72, level), (edge * 0.72, level)], livery.paint * 0.9 if model.grille else bgr(150, 150, 150), 2
        )
    panel.ellipse(0, high - 0.06, 0.07, 0.07, bgr(205, 205, 205))
    panel.rectangle(-1, 0, 1, z + 0.13, bgr(52, 52, 54) if livery.bare else livery.paint * 0.82)
    panel.line([(-1, z + 0.13), (1, z + 0.13)], BLACK)
    for side in (-1, 1):
        panel.rectangle(side * 0.44, z - 0.10, side * edge, z + 0.10, bgr(52, 52, 54))
        panel.ellipse(side * 0.60, z, 0.10, 0.08, LAMP_WHITE)
        panel.rectangle(side * (edge - 0.14), z - 0.07, side * edge, z + 0.07, AMBER)
    panel.rectangle(-0.38, 0.42, 0.38, 0.56, BLACK)
    paint_plate(panel, model, 0.68, livery.plate_bgr, livery.layout)
    panel.rectangle(-1, 0, 1, model.sill_m + 0.03, BLACK)


def paint_truck_rear(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the beam with lamps of a truck, and the doors, boards or the end of the load above it."""
    assert model.load_m is not None
    top, box = model.load_m[1], livery.second
    panel.shade(corners(-1.1, 0.9, 1.1, top + 0.3), box * 0.96, box * 0.84)
    if model.body == "box-truck":
        panel.line([(0, 1.0), (0, top)], box * 0.42, 2)
        for side in (-0.62, -0.2, 0.2, 0.62):
            panel.line([(side, 1.08), (side, top - 0.12)], bgr(150, 152, 154))
            panel.rectangle(side - 0.03, 1.3, side + 0.03, 1.36, BLACK)
        for level in (1.25, (1.0 + top) / 2, top - 0.3):
            for side in (-1, 1):
                panel.rectangle(side * 0.90, level - 0.05, side * 0.99, level + 0.05, bgr(90, 92, 94))
        frame = bgr(158, 160, 162)
        panel.rectangle(-1, top - 0.12, 1, top + 0.3, frame)
        panel.rectangle(-1, 0.98, 1, 1.08, frame)
        for side in (-1, 1):
            panel.rectangle(side * 0.95, 1.0, side, top, frame)
        for side in (-1, 1):
            panel.rectangle(side * 0.80, top - 0.09, side * 0.94, top - 0.04, LAMP_RED)
        if livery.words and livery.layout % 3:
            paint_sign(panel, livery, 0.0, (1.0 + top) / 2 + 0.25, 0.6, 1.5)
    elif model.body == "tipper":
        for side in (-0.6, 0.0, 0.6):
            panel.rectangle(side - 0.06, 0.95, side + 0.06, top, box * 0.72)
    elif livery.words:
        panel.text(livery.words.split()[0], 0.0, (0.95 + top) / 2, 0.16, 1.3, readable(box))
    panel.rectangle(-1, 0, 1, 0.98, bgr(34, 34, 36))
    z = tail_height_m(model)
    for side in (-1, 1):
        panel.rectangle(side * 0.60, z - 0.10, side * 0.96, z + 0.10, bgr(24, 24, 26))
        panel.rectangle(side * 0.62, z - 0.08, side * 0.76, z + 0.08, LAMP_RED)
        panel.rectangle(side * 0.77, z - 0.08, side * 0.86, z + 0.08, AMBER)
        panel.rectangle(side * 0.87, z - 0.08, side * 0.94, z + 0.08, bgr(70, 60, 220))
    if livery.layout % 2:
        for k in range(6):
            panel.rectangle(
                -0.55 + 0.19 * k, 0.88, -0.45 + 0.19 * k, 0.96, bgr(40, 190, 240) if k % 2 else bgr(40, 40, 200)
            )
    paint_plate(panel, model, 0.70, livery.rear_plate_bgr, livery.pattern)


def paint_motorcycle_rear(panel: Panel, livery: Livery) -> None:
    """Paint the tail lamp above the plate of a motorcycle; up from 0 to 1."""
    panel.image[:] = np.round(bgr(30, 30, 32))
    panel.rectangle(-0.7, 0.72, 0.7, 0.97, LAMP_RED)
    panel.rectangle(-0.3, 0.80, 0.3, 0.92, bgr(80, 80, 240))
    for side in (-0.85, 0.85):
        panel.ellipse(side, 0.84, 0.14, 0.09, AMBER)
    panel.rectangle(-0.72, 0.10, 0.72, 0.56, livery.rear_plate_bgr)
    for row in (0.20, 0.38):
        for k in range(4):
            panel.rectangle(-0.56 + 0.3 * k, row, -0.36 + 0.3 * k, row + 0.11, bgr(90, 90, 90))
