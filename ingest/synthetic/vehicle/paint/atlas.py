"""Atlas, the painted texture of a vehicle: everything that is not shape."""

import numpy as np

from ingest.frame import Image
from ingest.synthetic.mesh import Floats
from ingest.synthetic.vehicle.body.loft import LOAD_ROOF_SHARE, outline_of, texture_top_m
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.atlas_layout import ATLAS_PX, FRONT, LEFT, REAR, RIGHT, ROOF
from ingest.synthetic.vehicle.paint.ends import paint_base as paint_end_base
from ingest.synthetic.vehicle.paint.ends import paint_front, paint_rear
from ingest.synthetic.vehicle.paint.glass import BLACK
from ingest.synthetic.vehicle.paint.large_ends import (
    paint_bus_front,
    paint_bus_rear,
    paint_motorcycle_rear,
    paint_truck_front,
    paint_truck_rear,
)
from ingest.synthetic.vehicle.paint.large_sides import paint_bus_side, paint_sign, paint_truck_side
from ingest.synthetic.vehicle.paint.marks import paint_dirt, paint_rear_marks, paint_side_marks
from ingest.synthetic.vehicle.paint.panel import Panel, bgr
from ingest.synthetic.vehicle.paint.roofs import paint_load_roof, paint_roof
from ingest.synthetic.vehicle.paint.sides import paint_base, paint_car_side
from ingest.synthetic.vehicle.paint.spots import paint_spots


def paint_atlas(model: Model, livery: Livery) -> Image:
    """Paint the (512, 512, 3) uint8 BGR atlas of one vehicle."""
    # Step 1: wheels, cargo, clothes and places of one colour
    atlas = np.zeros((ATLAS_PX, ATLAS_PX, 3), np.uint8)
    paint_spots(atlas, livery, rider=model.kind == "motorcycle")
    if model.kind == "motorcycle":
        paint_motorcycle_rear(Panel(atlas, REAR, lambda v: 0.5 + 0.5 * v, lambda z: z), livery)
        return atlas
    # Step 2: both sides, the roof, front and rear
    top_m = texture_top_m(model)
    for side, region in ((-1, LEFT), (1, RIGHT)):

        def across(distance: Floats, side: int = side) -> Floats:
            share = np.asarray(distance) / model.length_m
            return np.asarray(share if side < 0 else 1 - share)

        _paint_side(Panel(atlas, region, across, lambda z: z / top_m), model, livery, side)
    _paint_roof(atlas, model, livery)
    for region, front in ((FRONT, True), (REAR, False)):
        end = Panel(atlas, region, lambda v: 0.5 + 0.5 * v, lambda z: z / top_m)
        _paint_end(end, model, livery, front=front)
    return atlas


def _paint_side(panel: Panel, model: Model, livery: Livery, side: int) -> None:
    paint_base(panel, model, livery, texture_top_m(model))
    if model.decks:
        paint_bus_side(panel, model, livery, doors=side > 0)
    elif model.kind == "truck":
        paint_truck_side(panel, model, livery)
    else:
        _paint_stripe(panel, model, livery)
        paint_car_side(panel, model, livery)
        if livery.words:
            _paint_lettering(panel, model, livery)
    paint_side_marks(panel, model, livery, side)
    paint_dirt(panel, model, livery, side)
    _paint_arches(panel, model, livery)


def _paint_stripe(panel: Panel, model: Model, livery: Livery) -> None:
    if livery.stripe:
        belt, low = model.belt_m, model.belt_m * (0.34 + 0.10 * livery.stripe)
        panel.rectangle(
            0.3, low, model.length_m - 0.2, low + belt * (0.06 + 0.03 * (livery.pattern % 4)), livery.accent
        )


def _paint_lettering(panel: Panel, model: Model, livery: Livery) -> None:
    if model.cab_m is not None:
        middle = (model.cab_m + model.length_m) / 2 + 0.05
        paint_sign(panel, livery, middle, (model.belt_m + model.height_m) / 2 - 0.05, 0.46, model.length_m * 0.48)
    else:
        paint_sign(panel, livery, model.length_m * 0.5, model.belt_m * 0.62, 0.22, model.length_m * 0.36)


def _paint_arches(panel: Panel, model: Model, livery: Livery) -> None:
    for axle_m in model.axles_m:
        radius = model.wheel_radius_m
        if livery.cladding:
            panel.ellipse(axle_m, radius, radius * 1.24, radius * 1.24, bgr(46, 46, 47))
        else:
            panel.ellipse(axle_m, radius, radius * 1.15, radius * 1.15, livery.paint * 0.62)
        panel.ellipse(axle_m, radius, radius * 1.10, radius * 1.10, BLACK * 0.6)


def _paint_roof(atlas: Image, model: Model, livery: Livery) -> None:
    outline = outline_of(model)
    roof = Panel(atlas, ROOF, lambda d: np.interp(d, outline.distance_m, outline.along), lambda v: 0.5 + 0.5 * v)
    paint_roof(roof, model, livery)
    if model.kind == "truck" and model.load_m is not None:
        from_m, to_m = model.load_m[0], model.length_m
        load = Panel(
            atlas, ROOF, lambda d: LOAD_ROOF_SHARE + (1 - LOAD_ROOF_SHARE) * (d - from_m) / (to_m - from_m),
            lambda v: 0.5 + 0.5 * v,
        )  # fmt: skip
        paint_load_roof(load, livery, from_m - 0.2, to_m)


def _paint_end(panel: Panel, model: Model, livery: Livery, *, front: bool) -> None:
    paint_end_base(panel, model, livery, texture_top_m(model))
    painters = {
        "bus": (paint_bus_front, paint_bus_rear),
        "truck": (paint_truck_front, paint_truck_rear),
    }.get(model.kind, (paint_front, paint_rear))
    painters[0 if front else 1](panel, model, livery)
    if not front:
        paint_rear_marks(panel, model, livery)
    paint_dirt(panel, model, livery, 2 if front else 0)
