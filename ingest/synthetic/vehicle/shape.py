"""Shape and image of a vehicle, as arrays: nothing here needs the renderer."""

from functools import lru_cache

import numpy as np

from ingest.frame import Image
from ingest.synthetic.mesh import Mesh
from ingest.synthetic.vehicle.body.build import build_body
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.vehicle.livery import Livery, draw_livery
from ingest.synthetic.vehicle.paint.atlas import paint_atlas


def shape_of(vehicle: Vehicle) -> tuple[Mesh, Image]:
    """Make the mesh and the (512, 512, 3) uint8 BGR atlas of a vehicle, without the engine."""
    return mesh_of(vehicle), paint_atlas(vehicle.model, _livery_of(vehicle))


@lru_cache(maxsize=32)
def mesh_of(vehicle: Vehicle) -> Mesh:
    """Make the mesh of a vehicle alone: painting is most of the time that `shape_of` takes."""
    return build_body(vehicle.model, _livery_of(vehicle))


def _livery_of(vehicle: Vehicle) -> Livery:
    rng = np.random.default_rng(vehicle.seed)
    return draw_livery(vehicle.model, np.array(vehicle.paint_bgr, np.float64), rng)
