"""Bonnets, windscreens, roofs and rear windows, seen from above."""

import numpy as np

from ingest.synthetic.vehicle.body.loft import cab_length_m
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.glass import BLACK, level_varnish, paint_screen
from ingest.synthetic.vehicle.paint.panel import Panel, bgr, corners


def paint_roof(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the upper side of the loft. Along in metres behind the front bumper, across from -1 to 1."""
    paint = level_varnish(livery.paint)
    panel.image[:] = np.clip(np.round(paint), 0, 255)
    end = cab_length_m(model)
    if model.decks:
        _paint_bus_roof(panel, model, livery)
        return
    if model.windscreen is None:
        _paint_cab_roof(panel, livery, end)
        return
    _paint_bonnet(panel, model, livery)
    start = model.windscreen[1]
    stop = model.rear_window[0] if model.rear_window else end
    roof = level_varnish(livery.roof) if livery.roof is not None else paint
    panel.rectangle(start - 0.03, -1, stop + 0.03, 1, roof)
    panel.shade(corners(start - 0.03, -0.6, stop, 0.75), roof * 1.02 + 3, roof * 0.98)
    _paint_screens(panel, model, livery)
    for side in (-0.94, 0.94):
        panel.line([(start, side), (stop, side)], roof * 0.55)
    if livery.sunroof:
        to = start + 0.32 + (0.62 if livery.sunroof == 1 else max(0.7, stop - start - 0.75))
        paint_screen(panel, corners(start + 0.28, -0.62, to, 0.62), 0.7, mirror=0.25)
    if model.cab_m is not None:
        for rib in np.arange(model.cab_m + 0.3, model.length_m - 0.3, 0.42):
            panel.line([(rib, -0.85), (rib, 0.85)], roof * 0.88)
            panel.line([(rib + 0.05, -0.85), (rib + 0.05, 0.85)], roof * 1.05)
    if model.rear_window is not None and model.body == "saloon":
        panel.line([(model.rear_window[1] + 0.06, -0.80), (model.rear_window[1] + 0.06, 0.80)], paint * 0.5)
        for side in (-1, 1):
            panel.line([(model.rear_window[1], side * 0.80), (model.length_m - 0.1, side * 0.76)], paint * 0.5)


def _paint_bonnet(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint shut lines and creases from the front to the windscreen."""
    assert model.windscreen is not None
    paint, back = level_varnish(livery.paint), model.windscreen[0] - 0.04
    if livery.panels[0] is not None:
        paint = level_varnish(livery.panels[0])
        panel.fill([(0.2, -0.68), (0.34, -0.8), (back, -0.84), (back, 0.84), (0.34, 0.8), (0.2, 0.68)], paint)
    panel.shade(corners(0.24, -0.55, back, 0.65), paint * 1.03 + 4, paint * 1.0)
    for side in (-1, 1):
        panel.line([(0.20, side * 0.70), (0.34, side * 0.80), (back, side * 0.84)], paint * 0.5)
        inner = 0.42 if model.grille % 2 else 0.30
        panel.line([(0.22, side * inner), (back, side * (inner + 0.10))], paint * 0.86, 2)
        panel.line([(0.22, side * (inner + 0.03)), (back, side * (inner + 0.13))], paint * 1.08 + 6)
    panel.line([(0.19, -0.72), (0.15, 0.0), (0.19, 0.72)], paint * 0.5)
    if livery.stripe and model.kind == "car":
        for place in (-1.0, 1.0) if livery.stripe > 2 else (0.6,):
            panel.rectangle(0.12, place * 0.10, back, place * 0.34, livery.accent)


def _paint_screens(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint the windscreen with wipers, seats and mirror behind it, and the rear window."""
    assert model.windscreen is not None
    start, end = model.windscreen
    panel.fill([(start - 0.07, -0.95), (end, -0.93), (end, 0.93), (start - 0.07, 0.95)], BLACK)
    deep = end - start
    seats = [(end - 0.30 * deep, side) for side in (-0.42, 0.42)]
    screen = [(start, -0.90), (end - 0.02, -0.86), (end - 0.02, 0.86), (start, 0.90)]
    paint_screen(panel, screen, livery.tint, seats=seats, mirror=0.56)
    panel.tint(corners(start, -0.85, start + 0.30 * deep, 0.85), bgr(52, 50, 50), 0.45)
    if livery.people:
        panel.tint(corners(end - 0.62 * deep, -0.60, end - 0.22 * deep, -0.25), bgr(70, 70, 92), 0.5)
    for side in (-0.1, 0.5):
        panel.line([(start + 0.01, side), (start + 0.10, side - 0.55)], BLACK)
    if livery.sun_strip:
        panel.rectangle(end - 0.16 * deep, -0.86, end - 0.02, 0.86, livery.accent * 0.8)
    panel.rectangle(end - 0.16 * deep, -0.08, end - 0.07 * deep, 0.08, BLACK)
    for bit, (along, across) in enumerate(((0.78, 0.55), (0.82, -0.70), (0.12, 0.62))):
        if livery.papers >> bit & 1:
            panel.rectangle(
                start + along * deep, across, start + (along + 0.10) * deep, across + 0.11, bgr(205, 210, 205)
            )
    if model.rear_window is None:
        return
    start, end = model.rear_window
    tint = livery.tint * livery.privacy
    panel.fill([(start, -0.90), (end, -0.90), (end, 0.90), (start, 0.90)], BLACK)
    rear = [(start + 0.02, -0.86), (end - 0.03, -0.84), (end - 0.03, 0.84), (start + 0.02, 0.86)]
    paint_screen(panel, rear, tint, mirror=0.34)
    panel.rectangle(start - 0.02, -0.14, start + 0.03, 0.14, bgr(40, 30, 150))
    if model.body in ("hatchback", "estate", "suv"):
        panel.line([(end - 0.02, 0.0), (end - 0.10, 0.35)], BLACK, 2)
    for mark in livery.stickers:
        if mark.side == 0:
            across, wide = (mark.along - 0.5) * 1.4, mark.size * 2.2
            deep = min(0.2, (end - start) * 0.4)
            low = end - 0.05 - mark.up * 0.4 * (end - start)
            panel.rectangle(low - deep, across, low, across + wide, livery.accent if mark.style % 2 else livery.other)


def _paint_cab_roof(panel: Panel, livery: Livery, end_m: float) -> None:
    """Paint a cab from above: a hatch and two grooves."""
    paint = level_varnish(livery.paint)
    panel.rectangle(0.8, -0.3, 1.4, 0.3, paint * 0.85)
    for side in (-0.6, 0.6):
        panel.line([(0.5, side), (end_m, side)], paint * 0.85)


def _paint_bus_roof(panel: Panel, model: Model, livery: Livery) -> None:
    roof = level_varnish(livery.roof) if livery.roof is not None else level_varnish(livery.paint)
    panel.rectangle(0.5, -0.94, model.length_m - 0.3, 0.94, roof)
    for seam in np.arange(1.2, model.length_m - 0.6, 1.2):
        panel.line([(seam, -0.9), (seam, 0.9)], roof * 0.9)
    for hatch in np.linspace(2.0, model.length_m - 2.0, 2 + livery.layout % 3):
        panel.rectangle(hatch, -0.36, hatch + 0.8, 0.36, roof * 0.78)
        panel.line([*corners(hatch, -0.36, hatch + 0.8, 0.36), (hatch, -0.36)], roof * 0.55)


def paint_load_roof(panel: Panel, livery: Livery, from_m: float, to_m: float) -> None:
    """Paint the roof of a box: sheets with seams, dusty."""
    panel.rectangle(from_m, -1, to_m, 1, livery.second * 0.94)
    for seam in np.arange(from_m + 0.6, to_m, 0.9):
        panel.line([(seam, -1), (seam, 1)], livery.second * 0.8)
    for side in (-0.97, 0.97):
        panel.line([(from_m, side), (to_m, side)], bgr(140, 142, 144), 2)
