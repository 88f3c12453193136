"""Shape and image of a vehicle, as arrays: nothing here needs the renderer."""

import numpy as np

from ingest.frame import Image
from ingest.synthetic.mesh import Mesh
from ingest.synthetic.vehicle.body.build import build_body
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.vehicle.livery import draw_livery
from ingest.synthetic.vehicle.paint.atlas import paint_atlas


def shape_of(vehicle: Vehicle) -> tuple[Mesh, Image]:
    """Make the mesh and the (512, 512, 3) uint8 BGR atlas of a vehicle, without the engine."""
    rng = np.random.default_rng(vehicle.seed)
    livery = draw_livery(vehicle.model, np.array(vehicle.paint_bgr, np.float64), rng)
    return build_body(vehicle.model, livery), paint_atlas(vehicle.model, livery)
