"""Scene objects: the parts of a camera's surroundings."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.mesh import Floats, Mesh
from ingest.synthetic.world.streets import Line


@dataclass(frozen=True, slots=True, eq=False)
class TexturedMesh:
    """Triangles and their texture.

    texture: by day. gain: how much light falls on it, for pieces that the engine does not light itself (`lit`).
    lights: (H, W) bool, where the texture shines at night. two_sided: whether it is seen from behind.
    """

    mesh: Mesh
    texture: Image
    gain: float = 1.0
    lit: bool = False
    lights: NDArray[np.bool_] | None = None
    two_sided: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """An object on the ground: a house, a tree, a sign.

    footprint: (N, 2) convex polygon on the map around all of it. blocks: points (N, 3) whose convex hulls throw its
    shadow. lamp_m: (3,) a street lamp's light.
    """

    pieces: tuple[TexturedMesh, ...]
    footprint: Line
    blocks: tuple[Floats, ...] = ()
    lamp_m: NDArray[np.float64] | None = field(default=None)


def square(at: Line | tuple[float, float], half_m: float) -> Line:
    """Make a square footprint around a place."""
    return np.asarray(at) + half_m * np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
