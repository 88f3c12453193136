"""The painted texture of a vehicle: windows, pillars, lamps, plates, lettering, dirt."""

from itertools import pairwise

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.atlas_layout import (
    ATLAS_PX,
    FRONT,
    PAINT_SPOT,
    REAR,
    ROOF,
    SIDE,
    UNDERBODY_SPOT,
    WHEEL,
    Region,
)
from ingest.synthetic.body import Outline, texture_top_m
from ingest.synthetic.ends import paint_end
from ingest.synthetic.livery import Livery
from ingest.synthetic.models import Model
from ingest.synthetic.panel import Colour, Panel, bgr

BLACK = bgr(22, 22, 24)
_GLASS_LOW = bgr(38, 34, 32)
_GLASS_HIGH = bgr(92, 86, 78)


def paint_atlas(model: Model, outline: Outline, livery: Livery) -> Image:
    """The (512, 512, 3) uint8 BGR atlas of one vehicle."""
    atlas = np.zeros((ATLAS_PX, ATLAS_PX, 3), np.uint8)
    top_m = texture_top_m(model)

    side = Panel(atlas, SIDE, lambda d: d / model.length_m, lambda z: z / top_m)
    _paint_side(side, model, outline, livery, top_m)
    roof = Panel(atlas, ROOF, lambda d: np.interp(d, outline.distance_m, outline.along), lambda v: 0.5 + 0.5 * v)
    _paint_roof(roof, model, outline, livery)
    for region, rear in ((FRONT, False), (REAR, True)):
        end = Panel(atlas, region, lambda v: 0.5 + 0.5 * v, lambda z: z / top_m)
        paint_end(end, model, outline, livery, rear=rear)
        if not rear:
            end.image[:] = end.image[:, ::-1].copy()
    _paint_wheel(atlas, livery)
    _spot(atlas, PAINT_SPOT, livery.paint)
    _spot(atlas, UNDERBODY_SPOT, BLACK)
    return atlas


def _spot(atlas: Image, region: Region, colour: Colour) -> None:
    area = np.s_[region.y : region.y + region.height, region.x : region.x + region.width]
    atlas[area] = np.round(colour)


def _paint_side(panel: Panel, model: Model, outline: Outline, livery: Livery, top_m: float) -> None:
    height_m = panel.heights() * top_m
    belt = model.belt_m
    relief = 0.22 * np.exp(-(((height_m - belt * 0.86) / 0.06) ** 2))
    relief -= 0.10 * np.exp(-(((height_m - belt * 0.62) / 0.10) ** 2))
    fade = np.linspace(1.0, 0.82, len(height_m)) * (1 + relief)
    panel.image[:] = np.clip(livery.paint * fade[:, None, None], 0, 255)
    if livery.stripe is not None and model.box_from_m is None:
        low, high = (share * belt for share in livery.stripe)
        panel.rectangle(0.3, low, model.length_m - 0.2, high, livery.accent)
    if model.decks:
        _paint_bus_side(panel, model, livery)
    elif model.box_from_m is not None:
        _paint_truck_side(panel, model, livery)
    else:
        _paint_car_side(panel, model, outline, livery)
    if livery.dent_m is not None:
        panel.ellipse(livery.dent_m, belt * 0.6, 0.22, 0.10, livery.paint * 0.62)
        panel.ellipse(livery.dent_m + 0.03, belt * 0.57, 0.15, 0.06, livery.paint * 0.95 + 8)
    _soil(panel, height_m, model, livery)
    for axle_m in model.axles_m:
        radius = model.wheel_radius_m * 1.2
        panel.ellipse(axle_m, model.wheel_radius_m, radius, radius, bgr(14, 14, 15))


def _soil(panel: Panel, height_m: Colour, model: Model, livery: Livery) -> None:
    """Black sill, and road dirt that thins out upwards."""
    dust = bgr(92, 104, 112)
    weight = livery.dirt * np.clip(1 - (height_m - model.sill_m) / (0.9 * model.belt_m), 0, 1) ** 1.5
    weight = weight[:, None, None]
    soiled = panel.image * (1 - weight) + dust * weight
    sill = (height_m < model.sill_m + 0.12)[:, None, None]
    panel.image[:] = np.where(sill, soiled * 0.35 + BLACK * 0.65, soiled)


def _glass(livery: Livery) -> tuple[Colour, Colour]:
    return _GLASS_HIGH * livery.tint, _GLASS_LOW * livery.tint


def _paint_car_side(panel: Panel, model: Model, outline: Outline, livery: Livery) -> None:
    belt = model.belt_m
    distance = np.linspace(0, model.length_m, 300)
    glazed = distance[outline.height_at(distance) > belt + 0.16]
    start = glazed[0] + 0.10
    end = glazed[-1] - 0.12 if model.cab_m is None else model.cab_m - 0.05
    along = np.linspace(start, end, 40)
    upper = np.maximum(belt + 0.05, outline.height_at(along) - 0.10)
    window = [(start, belt + 0.04), *zip(along, upper, strict=True), (end, belt + 0.04)]
    panel.fill([(a + (0.03 if a > (start + end) / 2 else -0.03), b + 0.02) for a, b in window], BLACK)
    panel.shade(window, *_glass(livery))
    for share in model.pillars:
        at = start + (end - start) * share
        top = float(outline.height_at(np.array(at))) - 0.11
        panel.fill([(at - 0.045, belt), (at - 0.035, top), (at + 0.035, top), (at + 0.045, belt)], livery.paint * 0.5)
    _paint_doors(panel, model, start, end, livery)
    if model.cab_m is not None and livery.panel:
        _paint_mark(panel, model.cab_m + 1.4, 1.62, 0.55, livery.accent)


def _paint_doors(panel: Panel, model: Model, start: float, end: float, livery: Livery) -> None:
    """Shut lines, handles, head and tail lamps around the corner."""
    belt, line = model.belt_m, livery.paint * 0.45
    shares = (0.0, *model.pillars[:2], 0.98)
    for share in shares:
        at = start + (end - start) * share
        panel.line([(at, belt), (at, model.sill_m + 0.15)], line)
        if 0 < share < 0.9:
            panel.rectangle(at + 0.06, belt * 0.86, at + 0.26, belt * 0.90, livery.paint * 0.5)
    panel.fill([(0, 0.58), (0, 0.74), (0.42, 0.78), (0.3, 0.62)], bgr(225, 225, 220))
    length = model.length_m
    top = belt - 0.02
    panel.fill(
        [(length, top - 0.23), (length, top), (length - 0.28, top - 0.03), (length - 0.22, top - 0.18)],
        bgr(30, 25, 150),
    )


def _paint_mark(panel: Panel, middle_m: float, height_m: float, size_m: float, colour: Colour) -> None:
    """A sign and two lines of something like lettering, which nobody can read from either side."""
    panel.ellipse(middle_m - size_m, height_m, size_m * 0.45, size_m * 0.45, colour)
    for row, width in ((0.16, 1.5), (-0.2, 1.0)):
        low = height_m + row * size_m
        panel.rectangle(middle_m - 0.3 * size_m, low, middle_m + width * size_m, low + 0.2 * size_m, colour)


def _paint_bus_side(panel: Panel, model: Model, livery: Livery) -> None:
    levels = [(model.belt_m, 2.55 if model.decks == 1 else model.belt_m + 1.0)]
    if model.decks == 2:
        levels.append((2.75, 3.65))
    edges = [share * model.length_m for share in (0.03, *model.pillars, 0.97)]
    high, low = _glass(livery)
    for bottom, top in levels:
        panel.rectangle(edges[0], bottom - 0.04, edges[-1], top + 0.04, BLACK)
        for number, (start, end) in enumerate(pairwise(edges)):
            glow = 0.8 + 0.12 * ((number * 7 + int(livery.rim)) % 4)
            corners = [(start + 0.06, bottom), (start + 0.06, top), (end - 0.06, top), (end - 0.06, bottom)]
            panel.shade(corners, high * glow, low * glow)
    for door in (0.6, 4.6):
        panel.shade([(door, 0.4), (door, 2.4), (door + 1.2, 2.4), (door + 1.2, 0.4)], high * 0.7, low)
        panel.line([(door + 0.6, 0.4), (door + 0.6, 2.4)], livery.paint * 0.8)
    if livery.panel:
        bottom, top = (0.55, 1.1) if model.decks == 1 else (2.05, 2.62)
        panel.rectangle(6.0, bottom, model.length_m - 0.8, top, livery.accent)
        panel.rectangle(6.3, bottom + 0.15, model.length_m - 2.2, top - 0.2, 255 - livery.accent)


def _paint_truck_side(panel: Panel, model: Model, livery: Livery) -> None:
    assert model.box_from_m is not None
    belt, box_m = model.belt_m, model.box_from_m - 0.1
    panel.fill([(0.32, belt - 0.03), (0.47, 2.39), (1.39, 2.39), (1.39, belt - 0.03)], BLACK)
    panel.shade([(0.35, belt), (0.5, 2.35), (1.35, 2.35), (1.35, belt)], *_glass(livery))
    panel.line([(1.42, belt + 0.6), (1.42, 0.7)], livery.paint * 0.45)
    panel.rectangle(box_m, 0, model.length_m, 5.0, livery.box * 0.95)
    for seam in np.arange(box_m + 0.6, model.length_m, 1.0):
        panel.line([(seam, 1.0), (seam, 3.3)], livery.box * 0.85)
    panel.rectangle(box_m, 0, model.length_m, 0.98, BLACK)
    panel.rectangle(box_m, 3.2, model.length_m, 3.3, livery.box * 0.7)
    if livery.stripe is not None:
        low = 1.0 + livery.stripe[0]
        panel.rectangle(box_m + 0.1, low, model.length_m - 0.1, low + 0.35, livery.accent)
    if livery.panel:
        _paint_mark(panel, (box_m + model.length_m) / 2, 2.45, 0.9, livery.accent)


def _paint_roof(panel: Panel, model: Model, outline: Outline, livery: Livery) -> None:
    paint = livery.paint
    panel.image[:] = np.round(paint)
    if model.windscreen is not None:
        _paint_bonnet(panel, model.windscreen, paint)
        _paint_screens(panel, model, livery)
    if livery.sunroof and model.windscreen is not None:
        start = model.windscreen[1] + 0.25
        panel.rectangle(start, -0.55, start + 0.7, 0.55, bgr(35, 32, 30))
    if model.decks:
        for hatch in np.arange(1.5, model.length_m - 1, 2.4):
            panel.rectangle(hatch, -0.35, hatch + 0.8, 0.35, paint * 0.8)
    if model.box_from_m is not None:
        panel.image[:, int(ROOF.width * 0.6) :] = np.round(livery.box * 0.97)
    elif model.cab_m is not None:
        for rib in np.arange(model.cab_m + 0.4, model.length_m - 0.3, 0.55):
            panel.line([(rib, -0.9), (rib, 0.9)], paint * 0.9)


def _paint_bonnet(panel: Panel, windscreen: tuple[float, float], paint: Colour) -> None:
    """Shut lines and creases from the front to the windscreen."""
    front, back = 0.22, windscreen[0] - 0.03
    for side in (-1, 1):
        panel.line([(front, side * 0.74), (back, side * 0.82)], paint * 0.55)
        panel.line([(front, side * 0.40), (back, side * 0.45)], paint * 1.15 + 6, 2)


def _paint_screens(panel: Panel, model: Model, livery: Livery) -> None:
    """Windscreen with a reflection of the sky, rear window."""
    assert model.windscreen is not None
    start, end = model.windscreen
    panel.fill([(start, -0.93), (end, -0.88), (end, 0.88), (start, 0.93)], bgr(48, 44, 42) * livery.tint)
    middle = start * 0.45 + end * 0.55
    panel.fill([(start, -0.9), (middle, -0.86), (middle, 0.86), (start, 0.9)], bgr(82, 76, 69) * livery.tint)
    for side in (-0.45, 0.45):
        panel.ellipse(end - 0.16 * (end - start), side, 0.09, 0.2, bgr(30, 28, 27))
    panel.line([(start, -0.9), (start, 0.9)], bgr(20, 20, 20), 2)
    if model.rear_window is not None:
        start, end = model.rear_window
        panel.fill([(start, -0.84), (end, -0.88), (end, 0.88), (start, 0.84)], bgr(48, 42, 38) * livery.tint)
        if livery.sticker:
            panel.rectangle(end - 0.16, 0.35, end - 0.04, 0.6, livery.accent)


def _paint_wheel(atlas: Image, livery: Livery) -> None:
    middle = (WHEEL.x + WHEEL.width // 2, WHEEL.y + WHEEL.height // 2)
    cv2.circle(atlas, middle, 19, (26, 26, 27), -1, cv2.LINE_AA)
    cv2.circle(atlas, middle, 12, (livery.rim,) * 3, -1, cv2.LINE_AA)
    for spoke in range(livery.spokes):
        angle = 2 * np.pi * spoke / livery.spokes + 0.6
        near, far = (
            (int(middle[0] + reach * np.cos(angle)), int(middle[1] + reach * np.sin(angle))) for reach in (4, 10)
        )
        cv2.line(atlas, near, far, (livery.rim * 0.4,) * 3, 3, cv2.LINE_AA)
