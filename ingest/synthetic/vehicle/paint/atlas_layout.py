"""Layout of a vehicle's texture atlas."""

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

    @property
    def middle(self) -> NDArray[np.floating]:
        """Texture coordinates (2,) of the rectangle's middle, for parts of one colour."""
        return self.uv(np.array([0.5, 0.5]))

    def pixels(self, across: NDArray[np.floating], up: NDArray[np.floating]) -> NDArray[np.floating]:
        """Pixels (..., 2) within the rectangle, at shares of its width (across) and height (up)."""
        column = _EDGE_PX + across * (self.width - 2 * _EDGE_PX)
        row = _EDGE_PX + (1 - up) * (self.height - 2 * _EDGE_PX)
        return np.stack(np.broadcast_arrays(column, row), -1)


LEFT = Region(0, 0, 512, 116)
RIGHT = Region(0, 116, 512, 116)
ROOF = Region(0, 232, 512, 116)
FRONT = Region(0, 348, 196, 164)
REAR = Region(196, 348, 196, 164)
WHEEL = Region(392, 348, 60, 60)
ODD_WHEEL = Region(452, 348, 60, 60)
CARGO = Region(392, 408, 60, 60)
JACKET = Region(452, 408, 60, 60)
PAINT_SPOT = Region(392, 468, 24, 22)
DARK_SPOT = Region(416, 468, 24, 22)
METAL_SPOT = Region(440, 468, 24, 22)
SECOND_SPOT = Region(464, 468, 24, 22)
GLASS_SPOT = Region(488, 468, 24, 22)
MIRROR_SPOT = Region(392, 490, 24, 22)
TROUSERS_SPOT = Region(416, 490, 24, 22)
HELMET_SPOT = Region(440, 490, 24, 22)
LAMP_SPOT = Region(464, 490, 24, 22)
SIGN_SPOT = Region(488, 490, 24, 22)
