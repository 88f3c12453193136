"""Training images: a frame at the size of the input, mirrored, shifted, larger or smaller, brighter or darker."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip
from detect.detections import Boxes
from ingest.frame import Image

MOST_SHIFT = 0.15
"""Largest shift, in shares of the image's sides."""
SCALES = (0.75, 1.35)
BRIGHTEST = 40.0
CONTRASTS = (0.7, 1.4)
LEAST_SEEN = 0.4
"""Least share of a box that stays in the image; with less it is not a vehicle any more."""
PADDING = (114, 114, 114)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """(2, 3) float32: from pixels of a frame to pixels of the input, both axes apart; and what is done to the light."""

    matrix: NDArray[np.float32]
    contrast: float = 1.0
    brightness: float = 0.0

    @classmethod
    def plain(cls, frame: tuple[int, int], size: tuple[int, int]) -> "View":
        """A frame of (width, height) stretched to an input of (width, height)."""
        across, down = size[0] / frame[0], size[1] / frame[1]
        return cls(np.array([[across, 0, 0], [0, down, 0]], np.float32))

    @classmethod
    def drawn(cls, frame: tuple[int, int], size: tuple[int, int], rng: np.random.Generator) -> "View":
        """Any view of a frame."""
        scale = float(np.exp(rng.uniform(*np.log(SCALES))))
        middle = np.array(size) * (0.5 + rng.uniform(-MOST_SHIFT, MOST_SHIFT, 2))
        across, down = scale * size[0] / frame[0], scale * size[1] / frame[1]
        across *= -1 if rng.random() < 0.5 else 1
        matrix = np.array(
            [[across, 0, middle[0] - across * frame[0] / 2], [0, down, middle[1] - down * frame[1] / 2]], np.float32
        )
        contrast = float(np.exp(rng.uniform(*np.log(CONTRASTS))))
        return cls(matrix, contrast, float(rng.uniform(-BRIGHTEST, BRIGHTEST)))

    def image(self, image: Image, size: tuple[int, int]) -> Image:
        """(height, width, 3) uint8 for an input of (width, height)."""
        # The middles of pixels are at halves, OpenCV's at whole numbers.
        matrix = self.matrix.astype(np.float64)
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=PADDING)
        if self.contrast == 1 and self.brightness == 0:
            return np.asarray(warped, np.uint8)
        mean = float(warped.mean())
        lit = (warped.astype(np.float32) - mean) * self.contrast + mean + self.brightness
        return np.asarray(np.clip(lit, 0, 255), np.uint8)

    def boxes(self, boxes: Boxes, size: tuple[int, int]) -> tuple[Boxes, NDArray[np.bool_]]:
        """Boxes of the frame in the input, cut to it, and which of them can still be seen."""
        scale, shift = np.diag(self.matrix[:, :2]), self.matrix[:, 2]
        ends = boxes.reshape(-1, 2, 2) * scale + shift
        moved = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1).astype(np.float32)
        cut = clip(moved, size)
        return cut, (areas(cut) > LEAST_SEEN * areas(moved)) & (areas(cut) >= 4)
