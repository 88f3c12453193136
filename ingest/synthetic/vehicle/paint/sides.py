"""The sides of cars and vans: windows, doors, lamps round the corner, trims."""

from itertools import pairwise

import numpy as np

from ingest.synthetic.vehicle.body.loft import belt_at, cab_length_m, outline_of
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.glass import BLACK, paint_side_glass, varnish
from ingest.synthetic.vehicle.paint.lamp_places import head_height_m, tail_height_m
from ingest.synthetic.vehicle.paint.panel import Panel, Points, bgr, round_points

LAMP_WHITE, LAMP_RED, AMBER = bgr(246, 246, 240), bgr(34, 26, 176), bgr(40, 130, 240)
_CHROME = bgr(205, 208, 210)


def paint_base(panel: Panel, model: Model, livery: Livery, top_m: float) -> None:
    """Paint varnish over the whole side, darker below."""
    height_m = panel.heights() * top_m
    share = np.clip((height_m - model.sill_m) / (model.belt_m - model.sill_m), 0, 1)
    colours = varnish(livery.paint, share)
    if livery.roof is not None and not model.decks:
        colours = np.where((height_m > model.belt_m + 0.12)[:, None], livery.roof, colours)
    panel.image[:] = np.clip(np.round(colours), 0, 255)[:, None]


def paint_car_side(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint everything on the side of a car, a van or a minibus, from the sill up."""
    start, end = _glazed(model)
    _paint_trim_below(panel, model, livery)
    _paint_windows(panel, model, livery, start, end)
    _paint_doors(panel, model, livery, start, end)
    _paint_corner_lamps(panel, model, livery)


def _glazed(model: Model) -> tuple[float, float]:
    """Begin and end of the side windows, metres behind the front bumper."""
    distance = np.linspace(0, cab_length_m(model), 300)
    tall = distance[outline_of(model).height_at(distance) > belt_at(model, distance) + 0.17]
    start = float(tall[0]) + 0.12
    if model.cab_m is not None:
        return start, model.cab_m - 0.06
    return start, float(tall[-1]) - {"saloon": 0.22, "pickup": 0.10}.get(model.body, 0.16)


def _window(model: Model, from_m: float, to_m: float, gap_m: float) -> Points:
    """Outline of a window between two distances; `gap_m`: from its upper edge to the roof's."""
    along = np.linspace(from_m, to_m, 14)
    low = belt_at(model, along) + 0.03
    high = np.maximum(low + 0.02, outline_of(model).height_at(along) - gap_m)
    return [*zip(along, high, strict=True), *zip(along[::-1], low[::-1], strict=True)]


def _paint_windows(panel: Panel, model: Model, livery: Livery, start: float, end: float) -> None:
    gap = 0.16 if model.kind == "van" else 0.095
    panel.fill([(a, b + 0.015) for a, b in _window(model, start - 0.03, end + 0.03, gap - 0.02)], BLACK)
    edges = [start + (end - start) * share for share in (0.0, *model.pillars, 1.0)]
    for number, (from_m, to_m) in enumerate(pairwise(edges)):
        tint = livery.tint * (livery.privacy if number else 1.0)
        from_m, to_m = (from_m + (0.03 if number else 0.0), to_m - 0.025)
        paint_side_glass(panel, _window(model, from_m, to_m, gap), tint)
        if number < livery.people + 1 and to_m - from_m > 0.4:
            _paint_seat(panel, model, from_m + (to_m - from_m) * 0.62, person=number < livery.people, tint=tint)
    if livery.visors:
        for from_m, to_m in list(pairwise(edges))[:2]:
            above = _window(model, from_m + 0.04, to_m - 0.04, gap - 0.02)[:14]
            panel.line([(a, b - 0.03) for a, b in above], bgr(24, 24, 25), 4)
    if livery.trim == "bright":
        sill = [(a, float(belt_at(model, np.array(a))) + 0.02) for a in (start, end)]
        panel.line(sill, _CHROME)
    if model.kind == "car" and model.load_m is None and len(model.pillars) < 3:
        at = edges[-2]
        top = float(outline_of(model).height_at(np.array(at))) - gap
        wide = 0.10 if model.body == "saloon" else 0.06
        low = float(belt_at(model, np.array(at)))
        panel.fill([(at - 0.02, low), (at - 0.02 + wide, low), (at + wide, top), (at, top)], livery.paint * 0.8)


def _paint_seat(panel: Panel, model: Model, at_m: float, *, person: bool, tint: float) -> None:
    """Paint a head rest, or the head and shoulders of a person, behind the glass."""
    low = model.belt_m + 0.04
    roof = float(outline_of(model).height_at(np.array(at_m)))
    if person:
        panel.tint(round_points(at_m, min(low + 0.20, roof - 0.25), 0.09, 0.11), bgr(88, 104, 132) * tint, 0.5)
        panel.tint([(at_m - 0.2, low), (at_m - 0.1, low + 0.12), (at_m + 0.12, low + 0.12), (at_m + 0.18, low)],
                   bgr(60, 50, 50), 0.5)  # fmt: skip
    else:
        panel.tint(round_points(at_m + 0.06, low + 0.12, 0.06, 0.11), bgr(18, 18, 18), 0.6)


def _paint_doors(panel: Panel, model: Model, livery: Livery, start: float, end: float) -> None:
    """Paint shut lines, handles, a fuel flap, and the sliding door of a van."""
    belt, low = model.belt_m, model.sill_m + 0.10
    line, edge = livery.paint * 0.42, livery.paint * 1.08 + 8
    pillars = [start + (end - start) * share for share in model.pillars[:2]]
    cuts = [start - 0.02, *pillars, end - 0.12] if model.cab_m is None else [start - 0.02, end + 0.02]
    if len(cuts) == 4 and cuts[3] - cuts[2] > 0.2:
        cuts.pop()
    for at in cuts:
        panel.line([(at, belt + 0.02), (at, low)], line)
        panel.line([(at + 0.014, belt - 0.02), (at + 0.014, low)], edge)
    panel.line([(cuts[0], low), (cuts[-1], low)], line)
    for at in cuts[1:]:
        handle = bgr(200, 202, 204) if livery.trim == "bright" else livery.paint * 0.62
        panel.rectangle(at - 0.22, belt * 0.90, at - 0.05, belt * 0.90 + 0.035, handle)
        panel.line([(at - 0.22, belt * 0.90 - 0.012), (at - 0.05, belt * 0.90 - 0.012)], livery.paint * 0.4)
    if model.cab_m is not None:
        for from_m, to_m in ((model.cab_m + 0.06, model.cab_m + 1.2), (model.cab_m + 1.25, model.length_m - 0.25)):
            shape = [(from_m, low), (from_m, model.height_m - 0.30), (to_m, model.height_m - 0.30), (to_m, low)]
            panel.line([*shape, shape[0]], livery.paint * 0.72)
        panel.line([(model.cab_m + 1.2, belt + 0.02), (model.length_m - 0.2, belt + 0.02)], livery.paint * 0.5)
    flap = model.length_m - 0.95
    panel.line([*round_points(flap, belt * 0.82, 0.07, 0.07, 12), (flap + 0.07, belt * 0.82)], livery.paint * 0.6)
    crease = belt * (0.70 if model.grille % 2 else 0.58)
    panel.line([(0.9, crease), (model.length_m - 0.5, crease + 0.05)], livery.paint * 0.80)
    panel.line([(0.9, crease + 0.02), (model.length_m - 0.5, crease + 0.07)], livery.paint * 1.06 + 6)


def _paint_trim_below(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint sills, bumper corners and protective strips."""
    length, sill = model.length_m, model.sill_m
    high = sill + (0.16 if livery.cladding else 0.09)
    panel.rectangle(0.0, 0.0, length, high, BLACK * 1.6)
    if livery.bare or model.body == "pickup":
        for a, b in ((0.0, model.axles_m[0] - 0.3), (model.axles_m[1] + 0.3, length)):
            panel.rectangle(a, 0.0, b, 0.60 + sill * 0.4, bgr(58, 58, 58))
    for a, b in ((0.0, 0.52), (length - 0.48, length)):
        panel.line([(a, 0.66 + 0.2 * sill), (b, 0.60 + 0.2 * sill)], livery.paint * 0.5)
    if model.kind == "van" or livery.layout == 3:
        panel.rectangle(0.5, 0.52 + sill * 0.3, length - 0.4, 0.60 + sill * 0.3, bgr(52, 52, 52))


def _paint_corner_lamps(panel: Panel, model: Model, livery: Livery) -> None:
    """Paint head and tail lamps as far as they reach round the corner."""
    z, length = head_height_m(model), model.length_m
    reach, half = ((0.42, 0.07), (0.62, 0.06), (0.50, 0.09), (0.34, 0.12), (0.66, 0.045))[model.lamps]
    lamp: Points = [(0.0, z - half), (0.0, z + half * 0.9), (reach, z + half * 1.5), (reach - 0.15, z - half * 0.3)]
    panel.fill([(a * 1.04 + 0.02, b) for a, b in lamp], bgr(70, 70, 70))
    panel.shade(lamp, bgr(232, 232, 230) * livery.lens, bgr(160, 160, 160) * livery.lens)
    panel.rectangle(reach - 0.16, z + half * 0.2, reach - 0.06, z + half * 0.9, AMBER * 0.9)
    z = tail_height_m(model)
    if model.kind == "van" or model.body == "pickup":
        panel.rectangle(length - 0.16, z - 0.26, length, z + 0.26, LAMP_RED)
        return
    reach, half = ((0.40, 0.10), (0.22, 0.20), (0.48, 0.08), (0.30, 0.13), (0.52, 0.05))[model.tail]
    lamp = [
        (length, z - half),
        (length, z + half),
        (length - reach, z + half * 0.8),
        (length - reach * 0.7, z - half * 0.7),
    ]
    panel.shade(lamp, LAMP_RED * 1.15 * livery.lens, LAMP_RED * 0.75 * livery.lens)
