"""Positions of the lamps of a model: for painting them, and for their light at night."""

from functools import cache

import numpy as np

from ingest.synthetic.mesh import Floats
from ingest.synthetic.vehicle.body.loft import outline_of
from ingest.synthetic.vehicle.model import Model


def head_height_m(model: Model) -> float:
    """Height of the middle of the head lamps."""
    if model.kind == "motorcycle":
        return 0.90
    if model.kind == "bus":
        return 0.78
    if model.kind == "truck":
        return 0.82
    nose_m = float(outline_of(model).height_at(np.array(0.14)))
    return nose_m - (0.14 if model.kind == "van" else 0.10)


def tail_height_m(model: Model) -> float:
    """Height of the middle of the tail lamps."""
    if model.kind == "motorcycle":
        return 0.82
    if model.kind == "bus":
        return 1.05
    if model.kind == "truck":
        return 0.80
    if model.kind == "van":
        return 1.12 if model.tail == 3 else 1.25
    if model.body == "pickup":
        return 0.92
    end_m = float(outline_of(model).height_at(np.array(model.length_m - 0.14)))
    return end_m - (0.10 if model.body != "saloon" else 0.12)


@cache
def lamp_places(model: Model) -> tuple[Floats, Floats]:
    """Middles (N, 3) float32 of the head lamps and of the tail lamps, metres, origin at the front bumper; read only."""
    if model.kind == "motorcycle":
        head = [(0.0, -model.axles_m[0] - 0.12, 0.90)]
        tail = [(0.0, -model.length_m + 0.10, 0.82)]
    else:
        across = model.width_m / 2 * (0.68 if not model.large else 0.74)
        back_m = 0.12
        head = [(side * across, -back_m, head_height_m(model)) for side in (-1, 1)]
        tail = [(side * across * 1.05, -model.length_m + 0.06, tail_height_m(model)) for side in (-1, 1)]
    places = np.array(head, np.float32), np.array(tail, np.float32)
    for each in places:
        each.flags.writeable = False
    return places
