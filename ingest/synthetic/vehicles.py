"""Bodies ready to be rendered: built once per vehicle and process, shared by all cameras."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ingest.synthetic.atlas import paint_atlas
from ingest.synthetic.body import build_body, outline_of
from ingest.synthetic.fleet import Vehicle
from ingest.synthetic.livery import draw_livery
from ingest.synthetic.mesh import Floats
from ingest.synthetic.panda import ENGINE_LOCK, Node, make_node, make_texture


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One vehicle as the renderer needs it.

    vertices_m: (V, 3) float32, the middle of the front bumper at the origin, the rear at negative y.
    node, texture: of the engine; copy the node, do not move it.
    """

    vertices_m: Floats
    node: Node
    texture: object


def body_of(vehicle: Vehicle) -> Body:
    """The body of a vehicle; the first call builds it. Takes ENGINE_LOCK."""
    with ENGINE_LOCK:
        return _build(vehicle)


@lru_cache(maxsize=256)
def _build(vehicle: Vehicle) -> Body:
    rng = np.random.default_rng(vehicle.seed)
    mesh = build_body(vehicle.model, rng)
    livery = draw_livery(vehicle.model, np.array(vehicle.paint_bgr, np.float64), rng)
    atlas = paint_atlas(vehicle.model, outline_of(vehicle.model), livery)
    return Body(mesh.vertices_m, make_node(mesh), make_texture(atlas))
