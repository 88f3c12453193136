"""Painting a rectangle of a texture atlas in the metres of the vehicle."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.atlas_layout import Region

Colour = NDArray[np.floating]
"""(3,) BGR in grey levels; values outside 0-255 are clipped when painted."""

ToShare = Callable[[NDArray[np.floating]], NDArray[np.floating]]
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
        """The image row at a height."""
        return int(self._pixels([(0.0, b)])[0, 1])

    def heights(self) -> NDArray[np.floating]:
        """The share of the region's height at the middle of each image row, from 1 to 0."""
        return np.linspace(1, 0, self.image.shape[0])

    def fill(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A polygon of one colour, antialiased."""
        cv2.fillPoly(self.image, [self._fixed(points)], _scalar(colour), cv2.LINE_AA, _SHIFT)

    def shade(self, points: Sequence[tuple[float, float]], top: Colour, bottom: Colour) -> None:
        """A polygon whose colour runs from its top to its bottom, antialiased."""
        left, right, first, last = self._bounds(points)
        part = self.image[first:last, left:right]
        if not part.size:
            return
        mask = np.zeros(part.shape[:2], np.uint8)
        corner = np.array([left, first]) << _SHIFT
        cv2.fillPoly(mask, [self._fixed(points) - corner.astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        down = np.linspace(0, 1, part.shape[0])[:, None, None]
        ramp = np.clip(top * (1 - down) + bottom * down, 0, 255)
        weight = mask[..., None] / 255
        part[:] = np.round(part * (1 - weight) + ramp * weight)

    def rectangle(self, from_a: float, from_b: float, to_a: float, to_b: float, colour: Colour) -> None:
        """A rectangle between two corners."""
        self.fill([(from_a, from_b), (to_a, from_b), (to_a, to_b), (from_a, to_b)], colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thickness_px: int = 1) -> None:
        """A line through points."""
        cv2.polylines(self.image, [self._fixed(points)], False, _scalar(colour), thickness_px, cv2.LINE_AA, _SHIFT)

    def ellipse(self, a: float, b: float, half_a: float, half_b: float, colour: Colour) -> None:
        """An upright ellipse."""
        angle = np.linspace(0, 2 * np.pi, 25)[:-1]
        self.fill(
            list(zip(a + half_a * np.cos(angle), b + half_b * np.sin(angle), strict=True)),
            colour,
        )

    def text(self, words: str, a: float, b: float, height_px: int, colour: Colour) -> None:
        """Words from a lower left corner."""
        column, row = (int(value) for value in self._pixels([(a, b)])[0])
        cv2.putText(
            self.image, words, (column, row), cv2.FONT_HERSHEY_SIMPLEX, height_px / 22, _scalar(colour), 1,
            cv2.LINE_AA,
        )  # fmt: skip

    def _pixels(self, points: Sequence[tuple[float, float]]) -> NDArray[np.floating]:
        a, b = np.array(points, np.float64).T
        return self._region.pixels(self._to_across(a), self._to_up(b))

    def _fixed(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        return np.round(self._pixels(points) * (1 << _SHIFT)).astype(np.int32)

    def _bounds(self, points: Sequence[tuple[float, float]]) -> tuple[int, int, int, int]:
        pixels = self._pixels(points)
        height, width = self.image.shape[:2]
        left, first = np.maximum(np.floor(pixels.min(0)).astype(int), 0)
        right, last = np.minimum(np.ceil(pixels.max(0)).astype(int) + 1, [width, height])
        return int(left), int(right), int(first), int(last)


def _scalar(colour: Colour) -> tuple[float, float, float]:
    blue, green, red = np.clip(colour, 0, 255)
    return float(blue), float(green), float(red)


def bgr(blue: float, green: float, red: float) -> Colour:
    """A colour."""
    return np.array([blue, green, red], np.float64)
