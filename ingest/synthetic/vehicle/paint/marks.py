"""Marks of use on a vehicle: stickers, dents, repairs, dirt."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.vehicle.livery import Livery, Mark
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.panel import Panel, Points, bgr, corners, round_points

_DUST = bgr(96, 108, 116)
_PRIMER = bgr(118, 122, 126)


def paint_side_marks(panel: Panel, model: Model, livery: Livery, side: int) -> None:
    """Paint the marks of one side, -1 left and 1 right."""
    for mark in livery.repairs:
        if mark.side == side:
            _paint_repair(panel, model, livery, mark)
    for mark in livery.dents:
        if mark.side == side:
            _paint_dent(panel, model, livery, mark)
    for mark in livery.stickers:
        if mark.side == side:
            _paint_sticker(panel, model, livery, mark)


def _paint_repair(panel: Panel, model: Model, livery: Livery, mark: Mark) -> None:
    """Paint a panel in another tone, or one that still has its primer."""
    from_m = mark.along * model.length_m * 0.8
    area = corners(from_m, model.sill_m + 0.1, from_m + 0.9, model.belt_m)
    colour = (_PRIMER, livery.paint * 0.78, livery.paint * 1.15 + 14)[mark.style]
    panel.tint(area, colour, 0.75)


def _paint_dent(panel: Panel, model: Model, livery: Livery, mark: Mark) -> None:
    at, up = mark.along * model.length_m, model.sill_m + mark.up * (model.belt_m - model.sill_m)
    half = mark.size * 2.0
    panel.tint(round_points(at, up, half, half * 0.55), livery.paint * 0.42, 0.85)
    panel.tint(round_points(at + 0.04, up - half * 0.25, half * 0.7, half * 0.3), livery.paint * 1.1 + 30, 0.7)
    if mark.style:
        panel.line([(at - half * 2, up + 0.03), (at + half, up - 0.02)], bgr(200, 202, 204))


def _paint_sticker(panel: Panel, model: Model, livery: Livery, mark: Mark) -> None:
    at, up = mark.along * model.length_m, model.sill_m + mark.up * (model.belt_m - model.sill_m)
    half = mark.size * (1.0 if model.kind == "car" else 1.8)
    colour = livery.accent if mark.style % 2 else livery.other
    shapes: tuple[Points, ...] = (
        corners(at - half, up - half, at + half, up + half),
        round_points(at, up, half, half),
        corners(at - half * 2, up - half * 0.5, at + half * 2, up + half * 0.5),
        [(at - half, up - half), (at, up + half), (at + half, up - half)],
        corners(at - half * 0.5, up - half * 1.4, at + half * 0.5, up + half * 1.4),
        round_points(at, up, half * 1.8, half * 0.7),
    )
    panel.fill(shapes[mark.style], colour)


def paint_rear_marks(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint stickers and dents at the back; across from -1 to 1."""
    low, high = (0.6, model.belt_m - 0.05) if not model.large else (1.0, min(model.height_m, 3.4) - 0.3)
    for mark in (*livery.dents, *livery.stickers):
        if mark.side != 0:
            continue
        at, up = (mark.along - 0.5) * 1.4, low + mark.up * (high - low)
        half = mark.size * 0.9
        if mark in livery.dents:
            panel.tint(round_points(at, up, half * 1.4, half), livery.paint * 0.45, 0.7)
        else:
            colour = livery.accent if mark.style % 2 else livery.other
            tall = half * (0.7, 0.7, 0.4, 0.7, 1.1, 0.5)[mark.style]
            panel.fill(round_points(at, up, half, tall, 4 if mark.style in (3, 4) else 24), colour)


def paint_dirt(panel: Panel, model: Model, livery: Livery, place: int) -> None:
    """Paint road dirt that thins out upwards, in patches of its own on every vehicle; `place` varies it by panel."""
    if livery.dirt < 0.08:
        return
    rows, columns = panel.image.shape[:2]
    height_m = panel.heights() * (model.height_m + 0.04)
    reach_m = 0.9 * model.belt_m if place else 1.5 * model.belt_m
    fall = np.clip(1 - (height_m - model.sill_m) / reach_m, 0, 1) ** 1.4
    weight = livery.dirt * 0.85 * fall[:, None] * _patches(livery.grain + place, rows, columns)
    weight = cv2.merge([np.clip(weight, 0, 0.85).astype(np.float32)] * 3)
    image = panel.image.astype(np.float32)
    panel.image[:] = np.round(image + (_DUST.astype(np.float32) - image) * weight)


def _patches(seed: int, rows: int, columns: int) -> NDArray[np.float32]:
    """Draw uneven cover, (rows, columns) from about 0.1 to 2."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.uniform(0.2, 1.5, (3, 9)).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.resize(
        rng.uniform(0.7, 1.3, (12, 48)).astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(coarse * fine, np.float32)
