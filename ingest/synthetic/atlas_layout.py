"""Where the parts of a vehicle are in its texture atlas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ATLAS_PX = 512
_EDGE_PX = 2


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the atlas; x, y is its upper left corner in pixels."""

    x: int
    y: int
    width: int
    height: int

    def uv(self, share: NDArray[np.floating]) -> NDArray[np.floating]:
        """Texture coordinates of shares (..., 2) of the rectangle, from its lower left, clipped to [0, 1]."""
        inside = np.clip(share, 0, 1)
        column = self.x + _EDGE_PX + inside[..., 0] * (self.width - 2 * _EDGE_PX)
        row = self.y + _EDGE_PX + (1 - inside[..., 1]) * (self.height - 2 * _EDGE_PX)
        return np.stack([column / ATLAS_PX, 1 - row / ATLAS_PX], -1)

    def pixels(self, across: NDArray[np.floating], up: NDArray[np.floating]) -> NDArray[np.floating]:
        """Pixels (..., 2) inside the rectangle of shares of its width and height."""
        column = _EDGE_PX + across * (self.width - 2 * _EDGE_PX)
        row = _EDGE_PX + (1 - up) * (self.height - 2 * _EDGE_PX)
        return np.stack(np.broadcast_arrays(column, row), -1)


SIDE = Region(0, 0, 512, 156)
ROOF = Region(0, 156, 512, 140)
FRONT = Region(0, 296, 256, 176)
REAR = Region(256, 296, 256, 176)
WHEEL = Region(0, 472, 40, 40)
PAINT_SPOT = Region(48, 476, 24, 32)
UNDERBODY_SPOT = Region(80, 476, 24, 32)
