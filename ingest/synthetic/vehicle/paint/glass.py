"""Glass and varnish: their reflections, and the inside behind glass."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.vehicle.paint.panel import Colour, Panel, Points, bgr, corners, round_points

BLACK = bgr(20, 20, 22)
_SKY_HIGH, _SKY_LOW = bgr(196, 184, 168), bgr(214, 210, 204)
_HOUSES, _ROAD = bgr(62, 66, 72), bgr(98, 100, 102)
_INSIDE = bgr(30, 28, 27)
_REFLECTION_PX = (48, 256)


@cache
def _street() -> NDArray[np.float64]:
    """Draw a (48, 256, 3) image of a street as glass mirrors it: sky, a line of roofs and trees, dark below.

    The same for all vehicles: it is the place that is mirrored, not the car.
    """
    rng = np.random.default_rng(7)
    height, width = _REFLECTION_PX
    down = np.linspace(0, 1, height)[:, None, None]
    sky = _SKY_HIGH * (1 - down) + _SKY_LOW * down
    roofs = np.repeat(rng.uniform(0.30, 0.62, width // 8), 8)
    soft = 0.12 + cv2.GaussianBlur(roofs[None], (0, 0), 1.2)[0]
    shade = np.repeat(rng.uniform(0.75, 1.3, width // 8), 8)
    houses = (down[..., 0] > soft[None])[..., None]
    reflection = np.where(houses, _HOUSES * shade[None, :, None], sky)
    return np.asarray(cv2.GaussianBlur(reflection, (0, 0), 0.8), np.float64)


def paint_side_glass(panel: Panel, window: Points, tint: float, mirror: float = 0.52) -> None:
    """Paint a side window: dark inside, the street mirrored in it, less so below. mirror: share of the mirrored light.

    tint: brightness of the glass, about 1.
    """
    distances = [a for a, _ in window]
    columns = [int(np.clip(24 * a, 0, _REFLECTION_PX[1] - 2)) for a in (min(distances), max(distances))]
    street = _street()[:, columns[0] : max(columns[1], columns[0] + 2)]
    down = np.linspace(1.0, 0.45, _REFLECTION_PX[0])[:, None, None]
    reflection = _INSIDE * tint + street * mirror * down * np.clip(tint + 0.15, 0.6, 1.15)
    panel.lay(window, reflection)


def paint_screen(panel: Panel, screen: Points, tint: float, *, seats: Points = (), mirror: float = 0.5) -> None:
    """Paint a windscreen or rear window in an image where its upper edge comes last along `a`, as on a roof."""
    across = np.linspace(0, 1, 24)[None, :, None]
    street = cv2.resize(_street()[:, 30:110], (24, 32), interpolation=cv2.INTER_AREA)
    reflection = (_INSIDE * 1.25 + street[::-1] * mirror * (0.75 + 0.4 * across)) * tint
    panel.lay(screen, np.transpose(reflection, (1, 0, 2)))
    for a, b in seats:
        panel.tint(round_points(a, b, 0.07, 0.12), _INSIDE, 0.35)
        panel.tint(corners(a - 0.32, b - 0.20, a - 0.05, b + 0.20), _INSIDE, 0.30)


def varnish(paint: Colour, share: NDArray[np.floating]) -> NDArray[np.floating]:
    """Colour of a side by height, (N, 3), for shares of the height from the sill (0) to the windows (1).

    The shoulder mirrors the sky, the middle the dark line of houses, the lower part the road.
    """
    levels = np.array([0.0, 0.30, 0.52, 0.70, 0.84, 0.93, 1.0])
    light = np.interp(share, levels, [0.74, 0.88, 0.93, 0.84, 0.98, 1.06, 1.0])
    mirrored = np.stack([_ROAD * 0.6, _ROAD, _ROAD, _HOUSES, _SKY_LOW * 0.8, _SKY_LOW, _SKY_LOW * 0.9])
    mirror = np.stack([np.interp(share, levels, mirrored[:, k]) for k in range(3)], -1)
    gloss = 0.13
    return np.asarray(paint * light[:, None] * (1 - gloss) + mirror * gloss)


def level_varnish(paint: Colour, light: float = 1.0) -> Colour:
    """Colour of a level panel, which mirrors the sky."""
    return np.asarray(paint * 0.88 * light + _SKY_HIGH * 0.12)
