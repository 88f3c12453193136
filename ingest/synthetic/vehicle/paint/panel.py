"""Panel: a rectangle of a texture atlas that is painted in the metres of the vehicle."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.vehicle.paint.atlas_layout import Region

Colour = NDArray[np.floating]
"""(3,) BGR in grey levels; values outside 0-255 are clipped when painted."""

ToShare = Callable[[NDArray[np.floating]], NDArray[np.floating]]
Points = Sequence[tuple[float, float]]
_SHIFT = 4


class Panel:
    """A region of an atlas with its own coordinates: `a` across, `b` up.

    to_across, to_up: turn coordinates into shares of the region's width and height.
    """

    def __init__(self, atlas: Image, region: Region, to_across: ToShare, to_up: ToShare) -> None:
        self.image = atlas[region.y : region.y + region.height, region.x : region.x + region.width]
        self._region = region
        self._to_across, self._to_up = to_across, to_up

    def row(self, b: float) -> int:
        """Image row at a height."""
        return int(self._pixels([(0.0, b)])[0, 1])

    def heights(self) -> NDArray[np.floating]:
        """Share of the region's height at each image row, from 1 to 0."""
        return np.linspace(1, 0, self.image.shape[0])

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill a polygon with one colour, antialiased."""
        cv2.fillPoly(self.image, [self._fixed(points)], _scalar(colour), cv2.LINE_AA, _SHIFT)

    def tint(self, points: Points, colour: Colour, weight: float) -> None:
        """Tint a polygon: its colour with `weight`, the paint below it with the rest."""
        self.lay(points, np.broadcast_to(colour, (1, 1, 3)), weight)

    def shade(self, points: Points, top: Colour, bottom: Colour, weight: float = 1.0) -> None:
        """Shade a polygon from a colour at its top to one at its bottom, antialiased."""
        self.lay(points, np.stack([top, bottom])[:, None], weight)

    def lay(self, points: Points, texture: NDArray[np.floating], weight: float = 1.0) -> None:
        """Lay a (h, w, 3) image into a polygon, stretched over the rectangle around it."""
        left, right, first, last = self._bounds(points)
        part = self.image[first:last, left:right]
        if not part.size:
            return
        mask = np.zeros(part.shape[:2], np.uint8)
        corner = np.array([left, first]) << _SHIFT
        cv2.fillPoly(mask, [self._fixed(points) - corner.astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        colours = cv2.resize(
            np.clip(texture, 0, 255).astype(np.float32), part.shape[1::-1], interpolation=cv2.INTER_LINEAR
        )
        share = cv2.merge([mask.astype(np.float32) * (weight / 255)] * 3)
        below = part.astype(np.float32)
        part[:] = np.round(below + (colours - below) * share)

    def rectangle(self, from_a: float, from_b: float, to_a: float, to_b: float, colour: Colour) -> None:
        """Fill a rectangle between two corners."""
        self.fill(corners(from_a, from_b, to_a, to_b), colour)

    def line(self, points: Points, colour: Colour, thickness_px: int = 1) -> None:
        """Draw a line through points."""
        cv2.polylines(self.image, [self._fixed(points)], False, _scalar(colour), thickness_px, cv2.LINE_AA, _SHIFT)

    def ellipse(self, a: float, b: float, half_a: float, half_b: float, colour: Colour) -> None:
        """Fill an upright ellipse."""
        self.fill(round_points(a, b, half_a, half_b), colour)

    def text(self, words: str, a: float, b: float, high: float, wide: float, colour: Colour, weight: int = 1) -> None:
        """Write words around a middle, `high` tall, and made smaller where they would be wider than `wide`."""
        points = self._pixels([(a, b), (a + wide, b + high)])
        room_px, tall_px = abs(float(points[1, 0] - points[0, 0])), abs(float(points[1, 1] - points[0, 1]))
        font = cv2.FONT_HERSHEY_DUPLEX if weight > 1 else cv2.FONT_HERSHEY_SIMPLEX
        (width_px, height_px), _ = cv2.getTextSize(words, font, 1.0, weight)
        scale = min(tall_px / max(height_px, 1), room_px / max(width_px, 1))
        column, row = points[0, 0] - width_px * scale / 2, points[0, 1] + height_px * scale / 2
        place = (int(column), int(row))
        cv2.putText(self.image, words, place, font, scale, _scalar(colour), weight, cv2.LINE_AA)

    def _pixels(self, points: Points) -> NDArray[np.floating]:
        a, b = np.array(points, np.float64).T
        return self._region.pixels(self._to_across(a), self._to_up(b))

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.round(self._pixels(points) * (1 << _SHIFT)).astype(np.int32)

    def _bounds(self, points: Points) -> tuple[int, int, int, int]:
        pixels = self._pixels(points)
        height, width = self.image.shape[:2]
        left, first = np.maximum(np.floor(pixels.min(0)).astype(int), 0)
        right, last = np.minimum(np.ceil(pixels.max(0)).astype(int) + 1, [width, height])
        return int(left), int(right), int(first), int(last)


def corners(from_a: float, from_b: float, to_a: float, to_b: float) -> list[tuple[float, float]]:
    """Corners of a rectangle."""
    return [(from_a, from_b), (to_a, from_b), (to_a, to_b), (from_a, to_b)]


def round_points(a: float, b: float, half_a: float, half_b: float, count: int = 24) -> list[tuple[float, float]]:
    """Points on an upright ellipse."""
    angle = np.linspace(0, 2 * np.pi, count + 1)[:-1]
    return list(zip(a + half_a * np.cos(angle), b + half_b * np.sin(angle), strict=True))


def _scalar(colour: Colour) -> tuple[float, float, float]:
    blue, green, red = np.clip(colour, 0, 255)
    return float(blue), float(green), float(red)


def bgr(blue: float, green: float, red: float) -> Colour:
    """Make a colour of its parts from 0 to 255."""
    return np.array([blue, green, red], np.float64)
