"""The sides of buses and trucks: rows of windows, doors, boxes with lettering, tanks, boards."""

from itertools import pairwise

import numpy as np

from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.glass import BLACK, paint_side_glass
from ingest.synthetic.vehicle.paint.panel import Colour, Panel, Points, bgr, corners, round_points


def paint_bus_side(panel: Panel, model: Model, livery: Livery, *, doors: bool) -> None:
    """Paint the side of a bus; `doors` on the side of the kerb."""
    length, belt = model.length_m, model.belt_m
    _paint_bands(panel, model, livery)
    levels = [(belt, min(belt + 1.05, model.height_m - 0.42))]
    if model.decks == 2:
        levels.append((model.height_m - 1.55, model.height_m - 0.62))
    edges = [0.55 + (length - 0.9) * share for share in (0.0, *model.pillars, 1.0)]
    for bottom, top in levels:
        panel.rectangle(edges[0] - 0.05, bottom - 0.05, edges[-1] + 0.05, top + 0.05, BLACK)
        for number, (from_m, to_m) in enumerate(pairwise(edges)):
            dim = livery.tint * (0.85 + 0.1 * ((number * 7 + livery.pattern) % 4))
            window = corners(from_m + 0.04, bottom, to_m - 0.04, top)
            paint_side_glass(panel, window, dim, mirror=0.46)
            panel.line([(from_m + 0.04, top - 0.28), (to_m - 0.04, top - 0.28)], bgr(30, 30, 30))
            for seat in np.arange(from_m + 0.35, to_m - 0.1, 0.75):
                panel.tint(corners(seat, bottom, seat + 0.16, bottom + 0.26), livery.other * 0.4, 0.6)
                if (number * 5 + livery.people + int(seat * 3)) % 3 == 0:
                    panel.tint(round_points(seat - 0.12, bottom + 0.26, 0.12, 0.15), bgr(70, 84, 110), 0.45)
    if doors:
        places = [(0.45, 1.25)] if model.body == "coach" else [(0.45, 1.2), (length * 0.46, 1.25)]
        places += [(length * 0.74, 1.2)] if length > 11.5 and model.body == "bus" else []
        for at, wide in places:
            _paint_door(panel, at, wide, livery)
    else:
        paint_side_glass(panel, corners(0.35, belt - 0.15, 1.35, levels[0][1]), livery.tint, mirror=0.5)
    for at in np.arange(1.6, length - 0.6, 1.5):
        panel.line([(at, model.sill_m), (at, belt * 0.62)], livery.paint * 0.82)
    panel.line([(0.2, belt * 0.62), (length - 0.1, belt * 0.62)], livery.paint * 0.72)
    panel.rectangle(length - 2.4, 0.62, length - 1.2, belt * 0.60, livery.paint * 0.55)
    panel.rectangle(0, 0, length, model.sill_m + 0.06, BLACK * 1.5)


def _paint_door(panel: Panel, at_m: float, wide_m: float, livery: Livery) -> None:
    panel.rectangle(at_m, 0.34, at_m + wide_m, 2.48, BLACK)
    for half in (0, 1):
        from_m = at_m + half * wide_m / 2
        leaf = corners(from_m + 0.05, 0.46, from_m + wide_m / 2 - 0.05, 2.38)
        paint_side_glass(panel, leaf, livery.tint * 1.1, mirror=0.55)
    panel.line([(at_m + wide_m / 2, 0.4), (at_m + wide_m / 2, 2.4)], livery.accent)


def _paint_bands(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the colours of the operator, an advertisement and lettering."""
    length, belt, style = model.length_m, model.belt_m, livery.layout
    if livery.stripe or style < 3:
        low, high = ((0.3, 0.55), (0.62, 0.85), (0.3, 0.95), (0.80, 0.95))[livery.pattern % 4]
        panel.rectangle(0.0, low * belt, length, high * belt, livery.accent)
    if style in (3, 4):
        slope = 1.2 if style == 3 else -0.9
        high, start = model.height_m, length * 0.62
        panel.fill([(start, 0.2), (start + slope, high), (length, high), (length, 0.2)], livery.accent)
    if model.decks == 2:
        low, high = belt + 1.12, model.height_m - 1.62
        if livery.pattern < 6:
            panel.rectangle(length * 0.25, low, length * 0.82, high, livery.other)
            panel.text(
                livery.words or "Metro", length * 0.5, (low + high) / 2, 0.42, length * 0.4, bgr(240, 240, 240), 2
            )
    elif livery.pattern % 2:
        low, high = 0.5, belt * 0.86
        panel.rectangle(length * 0.62, low, length * 0.84, high, livery.other)
        panel.text(livery.words or "Metro", length * 0.73, (low + high) / 2, 0.22, length * 0.2, bgr(240, 240, 240))
    where = model.height_m - 0.27
    panel.text(livery.words or livery.route, length * 0.5, where, 0.17, length * 0.4, readable(livery.paint))


def readable(ground: Colour) -> Colour:
    """Choose a colour that is readable on a ground: white on dark, dark on light."""
    return bgr(240, 240, 240) if float(ground.mean()) < 130 else bgr(50, 40, 36)


def paint_truck_side(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the side of a truck: its cab, and the load behind it."""
    assert model.load_m is not None
    _paint_cab(panel, model, livery)
    from_m, top_m = model.load_m
    if model.body == "box-truck":
        _paint_box(panel, model, livery, from_m, top_m)
    elif model.body == "tanker":
        _paint_tank(panel, model, livery, from_m, top_m)
    else:
        ribs = 0.62 if model.body == "tipper" else 1.25
        panel.rectangle(from_m - 0.1, 0, model.length_m, top_m + 1, livery.second * 0.92)
        for at in np.arange(from_m + 0.05, model.length_m, ribs):
            panel.rectangle(at, 0.9, at + 0.09, top_m, livery.second * 0.72)
            panel.line([(at - 0.02, 0.9), (at - 0.02, top_m)], livery.second * 1.15)
        panel.rectangle(from_m - 0.1, top_m - 0.08, model.length_m, top_m + 1, livery.second * 1.08)
        if livery.words:
            panel.text(livery.words, (from_m + model.length_m) / 2, (top_m + 0.95) / 2, (top_m - 0.95) * 0.5, 3.0,
                       readable(livery.second), 2)  # fmt: skip


def _paint_cab(panel: Panel, model: Model, livery: Livery) -> None:
    assert model.load_m is not None
    belt, end, roof = model.belt_m, model.load_m[0] - 0.25, model.roofline[2][1]
    door = (0.42, min(end - 0.35, 1.62))
    lean = model.lean_m * 0.5
    high = roof - 0.24
    frame = [(door[0] - 0.03, belt - 0.03), (door[0] + lean, high), (door[1], high), (door[1], belt - 0.03)]
    panel.fill(frame, BLACK)
    window: Points = [(door[0] + 0.02, belt), (door[0] + lean + 0.05, roof - 0.28), (door[1] - 0.05, roof - 0.28),
                      (door[1] - 0.05, belt - 0.0)]  # fmt: skip
    paint_side_glass(panel, window, livery.tint, mirror=0.5)
    if livery.people:
        panel.tint(round_points(0.95, belt + 0.28, 0.13, 0.17), bgr(80, 96, 124), 0.5)
    shut = livery.paint * 0.45
    for at in (0.40, door[1] + 0.04):
        panel.line([(at, belt), (at, 0.78)], shut)
    panel.line([(0.4, 0.78), (door[1] + 0.04, 0.78)], shut)
    panel.rectangle(door[1] - 0.25, belt - 0.18, door[1] - 0.06, belt - 0.13, livery.paint * 0.4)
    panel.rectangle(0.0, 0.0, end, 0.60, bgr(48, 48, 50) if livery.bare else livery.paint * 0.7)
    panel.rectangle(0.42, 0.42, 0.95, 0.58, BLACK)
    panel.rectangle(0.0, 0.72, 0.34, 0.92, bgr(228, 228, 224))
    panel.rectangle(0.30, 0.74, 0.40, 0.88, bgr(40, 130, 240))
    if livery.stripe:
        panel.rectangle(
            0.0, belt * (0.60 + 0.06 * livery.stripe), end, belt * (0.68 + 0.06 * livery.stripe), livery.accent
        )
    if livery.words:
        panel.text(livery.words.split()[0], (door[0] + door[1]) / 2, belt * 0.74, 0.16, 0.8, readable(livery.paint))


def _paint_box(panel: Panel, model: Model, livery: Livery, from_m: float, top_m: float) -> None:
    length, box = model.length_m, livery.second
    panel.shade(corners(from_m - 0.1, 0, length + 0.1, top_m + 0.3), box * 0.97, box * 0.84)
    ribbed = livery.pattern >= 5
    for at in np.arange(from_m + 0.5, length, 0.28 if ribbed else 1.15):
        panel.line([(at, 1.0), (at, top_m)], box * (0.80 if ribbed else 0.86))
        panel.line([(at + 0.03, 1.0), (at + 0.03, top_m)], box * 1.04)
    panel.rectangle(from_m - 0.1, top_m - 0.13, length, top_m + 0.3, bgr(150, 152, 154))
    panel.rectangle(from_m - 0.1, 0, length, 1.06, bgr(120, 122, 124))
    for at in (from_m, length - 0.10):
        panel.rectangle(at, 1.0, at + 0.10, top_m, bgr(165, 167, 168))
    if livery.stripe:
        low = 1.1 + 0.35 * livery.stripe
        panel.rectangle(from_m + 0.1, low, length - 0.1, low + 0.30, livery.other)
    if livery.words:
        middle, high = (from_m + length) / 2, (1.0 + top_m) / 2
        paint_sign(panel, livery, middle, high + 0.15, (top_m - 1.0) * 0.42, (length - from_m) * 0.86)


def paint_sign(panel: Panel, livery: Livery, a: float, b: float, high: float, wide: float) -> None:
    """Paint a logo with lettering, in one of four arrangements; two of them leave out the logo."""
    light = float(np.linalg.norm(livery.second - livery.accent)) > 90
    colour = livery.accent if light else readable(livery.second)
    arrangement = livery.layout % 4
    if arrangement == 0:
        paint_logo(panel, livery, a - wide * 0.36, b, high * 0.5)
        panel.text(livery.words, a + wide * 0.12, b, high * 0.55, wide * 0.68, colour, 2)
    elif arrangement == 1:
        panel.text(livery.words, a, b, high * 0.8, wide, colour, 3)
    elif arrangement == 2:
        panel.rectangle(a - wide / 2, b - high * 0.45, a + wide / 2, b + high * 0.45, livery.accent)
        panel.text(livery.words, a, b, high * 0.5, wide * 0.8, bgr(245, 245, 245), 2)
    else:
        paint_logo(panel, livery, a, b + high * 0.15, high * 0.62)
        panel.text(livery.words, a, b - high * 0.75, high * 0.32, wide * 0.6, colour)
    if livery.pattern % 3 == 0:
        panel.rectangle(a - wide * 0.3, b - high * 1.15, a + wide * 0.3, b - high * 1.05, livery.other)


def paint_logo(panel: Panel, livery: Livery, a: float, b: float, half: float) -> None:
    """Paint one of six logos."""
    shapes: tuple[Points, ...] = (
        round_points(a, b, half, half),
        [(a - half, b - half), (a, b + half), (a + half, b - half)],
        corners(a - half, b - half, a + half, b + half),
        [(a - half, b), (a, b + half), (a + half, b), (a, b - half)],
        [(a - half, b - half), (a - half * 0.2, b + half), (a + half, b + half), (a + half * 0.2, b - half)],
        round_points(a, b, half * 1.5, half * 0.7),
    )
    panel.fill(shapes[livery.logo], livery.accent)
    panel.ellipse(a, b, half * 0.45, half * 0.45, livery.other)


def _paint_tank(panel: Panel, model: Model, livery: Livery, from_m: float, top_m: float) -> None:
    length, paint = model.length_m, livery.second
    panel.shade(corners(from_m - 0.1, 1.7, length, top_m + 0.2), paint * 1.02, paint * 0.88)
    panel.shade(corners(from_m - 0.1, 0.0, length, 1.7), paint * 0.86, paint * 0.5)
    for at in np.linspace(from_m + 0.9, length - 0.9, 4):
        panel.line([(at, 0.9), (at, top_m)], paint * 0.72, 2)
    panel.rectangle(from_m, 1.65, length, 1.85, livery.accent)
    if livery.words:
        panel.text(livery.words, (from_m + length) / 2, 2.3, 0.5, 4.0, livery.accent, 2)
    panel.fill([(length - 1.6, 1.2), (length - 1.3, 1.5), (length - 1.0, 1.2), (length - 1.3, 0.9)], bgr(20, 120, 240))
