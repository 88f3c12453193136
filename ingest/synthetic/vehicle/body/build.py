"""Body of a vehicle: a loft from its side profile with the parts of its body type, as one mesh.

A body has its front bumper's middle at the origin and extends backwards, to negative y. All parts share one atlas.
"""

from functools import lru_cache

from ingest.synthetic.mesh import Mesh, join
from ingest.synthetic.vehicle.body.equipment import build_equipment
from ingest.synthetic.vehicle.body.loads import build_load
from ingest.synthetic.vehicle.body.loft import build_loft, lean
from ingest.synthetic.vehicle.body.motorcycles import build_motorcycle
from ingest.synthetic.vehicle.body.parts import build_mirrors, build_underbody, build_wheels
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.model import Model


def build_body(model: Model, livery: Livery) -> Mesh:
    """Build the mesh of one vehicle: its model's bare body and the equipment and load of its livery."""
    if model.kind == "motorcycle":
        return build_motorcycle(model, livery.rider)
    extras = [*build_equipment(model, livery.gear), *build_load(model, livery.gear)]
    return join([_bare_body(model), build_wheels(model, livery.gear.odd_wheel), *extras])


@lru_cache(maxsize=64)
def _bare_body(model: Model) -> Mesh:
    """Build the parts that all vehicles of a model share, but the wheels."""
    shell = build_loft(model)
    return lean(join([shell, build_underbody(model), *build_mirrors(model)]), model)
