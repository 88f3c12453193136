"""Bodies ready to be rendered: built once per vehicle and process, shared by all cameras."""

from dataclasses import dataclass
from functools import lru_cache

from ingest.synthetic.mesh import Floats
from ingest.synthetic.render.panda import ENGINE_LOCK, Node, discard_scene, make_node, make_root, make_texture
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.vehicle.shape import shape_of


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One vehicle as the renderer needs it.

    vertices_m: (V, 3) float32, the middle of the front bumper at the origin, the rear at negative y. node, texture: of
    the engine; copy the node, do not move it.
    """

    vertices_m: Floats
    node: Node
    texture: object


LIVE_BODIES = 192
"""Most bodies that a process keeps for later: 1.7 MB each. Those in a scene live on with the scene."""

_SWEEP_EVERY = 32


def body_of(vehicle: Vehicle) -> Body:
    """Get the body of a vehicle; the first call builds it. Takes ENGINE_LOCK."""
    with ENGINE_LOCK:
        return _build(vehicle)


@lru_cache(maxsize=LIVE_BODIES)
def _build(vehicle: Vehicle) -> Body:
    if _build.cache_info().misses % _SWEEP_EVERY == 0:
        discard_scene(make_root("swept"))  # also drops the engine's states, which would keep every texture for ever
    mesh, atlas = shape_of(vehicle)
    texture = make_texture(atlas)
    texture.set_keep_ram_image(False)  # the engine has its own copy from the first rendering on
    return Body(mesh.vertices_m, make_node(mesh), texture)
