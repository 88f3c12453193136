"""Front and rear of a vehicle: lamps, grille, plate, doors, windows."""

import numpy as np

from ingest.synthetic.body import Outline
from ingest.synthetic.livery import Livery
from ingest.synthetic.models import Model
from ingest.synthetic.panel import Panel, bgr

_BLACK = bgr(22, 22, 24)
_LAMP_WHITE, _LAMP_RED = bgr(250, 250, 245), bgr(35, 25, 190)
_PLATE_FRONT, _PLATE_REAR = bgr(235, 240, 240), bgr(60, 200, 235)


def paint_end(panel: Panel, model: Model, outline: Outline, livery: Livery, *, rear: bool) -> None:
    """Paint one end. Across runs from -1 to 1 over the width, up in metres."""
    box_end = rear and model.box_from_m is not None
    colour = livery.box if box_end else livery.paint
    fade = np.linspace(1.0, 0.85, panel.image.shape[0])[:, None, None]
    panel.image[:] = np.clip(colour * fade, 0, 255)
    if box_end:
        _paint_box_doors(panel, livery)
    elif model.large:
        _paint_large_windows(panel, model, livery, rear=rear)
    elif rear and model.cab_m is not None:
        _paint_van_doors(panel, livery)
    edge_m = float(outline.height_at(np.array(model.length_m if rear else 0.0)))
    if rear:
        _paint_rear_lamps(panel, model, edge_m)
        panel.line([(-0.8, 0.52), (0.8, 0.52)], colour * 0.55)
    else:
        _paint_face(panel, model, edge_m)
    plate_m = (0.62 if not model.large else 0.55) if rear else 0.42
    half = 0.26 / (model.width_m / 2)
    panel.rectangle(-half, plate_m - 0.06, half, plate_m + 0.06, _PLATE_REAR if rear else _PLATE_FRONT)
    panel.rectangle(-half * 0.8, plate_m - 0.03, half * 0.8, plate_m + 0.03, bgr(110, 115, 115))
    panel.image[panel.row(model.sill_m + 0.10) :] = np.round(_BLACK)


def _paint_large_windows(panel: Panel, model: Model, livery: Livery, *, rear: bool) -> None:
    low = model.belt_m + (0.5 if rear else 0.0)
    levels = [(low, 2.6 if model.decks else 2.35)] + ([(2.9, 3.8)] if model.decks == 2 else [])
    for bottom, top in levels:
        panel.fill([(-0.91, bottom - 0.05), (-0.89, top + 0.05), (0.89, top + 0.05), (0.91, bottom - 0.05)], _BLACK)
        panel.shade(
            [(-0.86, bottom), (-0.84, top), (0.84, top), (0.86, bottom)],
            bgr(98, 92, 84) * livery.tint,
            bgr(40, 36, 34) * livery.tint,
        )
        if not rear:
            panel.line([(0, bottom), (0, top)], _BLACK)
            panel.line([(-0.5, bottom + 0.03), (0.1, bottom + 0.3)], _BLACK)
    if model.decks and not rear:
        panel.rectangle(-0.5, 2.66, 0.5, 2.95, bgr(15, 15, 15))
        panel.text(f"{int(livery.rim)} City", -0.3, 2.72, 11, bgr(60, 190, 250))
    if model.decks and rear:
        panel.rectangle(-0.75, 0.75, 0.75, 1.3, livery.paint * 0.6)
        if livery.panel:
            panel.rectangle(-0.6, 2.68, 0.6, 2.88, livery.accent)


def _paint_box_doors(panel: Panel, livery: Livery) -> None:
    panel.rectangle(-1, 0, 1, 1.0, _BLACK)
    panel.line([(0, 1.0), (0, 3.3)], livery.box * 0.5, 2)
    for side in (-0.35, 0.35):
        panel.line([(side, 1.0), (side, 3.3)], livery.box * 0.72)
    panel.rectangle(-1, 3.18, 1, 3.3, livery.box * 0.7)
    if livery.panel:
        panel.rectangle(-0.8, 2.3, 0.8, 2.7, livery.accent)
    panel.rectangle(-0.9, 0.9, 0.9, 0.98, bgr(60, 60, 210))


def _paint_van_doors(panel: Panel, livery: Livery) -> None:
    panel.line([(0, 0.5), (0, 2.2)], livery.paint * 0.45, 2)
    for side in (-1, 1):
        panel.shade(
            [(side * 0.08, 1.35), (side * 0.08, 1.95), (side * 0.72, 1.95), (side * 0.72, 1.35)],
            bgr(80, 74, 68) * livery.tint,
            bgr(45, 40, 38) * livery.tint,
        )
    if livery.panel:
        panel.rectangle(-0.7, 0.9, 0.7, 1.1, livery.accent)


def _paint_rear_lamps(panel: Panel, model: Model, edge_m: float) -> None:
    middle, half = (1.05, 0.10) if model.large else (edge_m - 0.12, 0.10)
    if model.kind == "van":
        middle, half = 1.1, 0.25
    inner = 0.84 - (0.15 if model.kind in ("van", "truck") else 0.38)
    for side in (-1, 1):
        panel.rectangle(side * inner, middle - half, side * 0.84, middle + half, _LAMP_RED)
        panel.rectangle(side * 0.74, middle - half, side * 0.84, middle - half * 0.3, bgr(60, 130, 235))


def _paint_face(panel: Panel, model: Model, edge_m: float) -> None:
    """Head lamps, grille and lower intake."""
    middle, half = (0.75, 0.13) if model.large else (edge_m - 0.10, 0.09)
    if model.kind == "van":
        middle, half = 0.85, 0.13
    for side in (-1, 1):
        panel.rectangle(side * 0.40, middle - half, side * 0.80, middle + half, bgr(60, 60, 60))
        panel.ellipse(side * 0.60, middle, 0.17, half * 0.85, _LAMP_WHITE)
    if model.decks:
        return
    panel.rectangle(-0.40, middle - 0.10, 0.40, middle + 0.08, bgr(28, 28, 30))
    panel.ellipse(0, middle, 0.05, 0.05, bgr(200, 200, 200))
    panel.rectangle(-0.62, model.sill_m + 0.05, 0.62, model.sill_m + 0.22, _BLACK)
