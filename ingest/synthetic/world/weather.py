"""Light and weather of a world, the same for all its cameras."""

from dataclasses import dataclass
from typing import Literal

Light = Literal["sun", "overcast", "dusk", "night"]


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather of a world.

    light: the time of day. sun: direction towards the sun (x, y, z), any length, z > 0; under a covered sky and at
    night nothing casts a hard shadow along it. rain: from 0, dry, to 1, a downpour; the road is wet from .05 on.
    """

    light: Light = "sun"
    sun: tuple[float, float, float] = (-0.62, -0.35, 0.72)
    rain: float = 0.0

    @property
    def dark(self) -> bool:
        """True where vehicles have their lamps on."""
        return self.light in ("dusk", "night")

    @property
    def sunny(self) -> bool:
        """True where objects cast hard shadows."""
        return self.light == "sun" and self.rain < 0.05

    @property
    def wet(self) -> bool:
        """True where the road is wet and mirrors."""
        return self.rain >= 0.05
