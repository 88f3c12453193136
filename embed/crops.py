"""Crops of a tracklet: their quality, and the choice of the few best to be embedded."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, covered, touches_border
from detect.detections import Detections
from detect.masks import Mask
from ingest.frame import Frame, Image

MARGIN = 0.12
"""Surroundings kept on each side of a crop, as a share of the box: maskers need to see some background."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One vehicle cut from one frame.

    `image` (H, W, 3) uint8 BGR with some surroundings; `box_xyxy` (4,) float32, the vehicle in it, pixels; `mask`
    (H, W) bool or None until a masker has been asked; `quality` in [0, 1]; `captured_ns` of its frame.
    """

    image: Image
    box_xyxy: NDArray[np.float32]
    quality: float
    captured_ns: int
    mask: Mask | None = None


def crop_qualities(frame: Frame, found: Detections) -> NDArray[np.float32]:
    """(N,) quality of each vehicle's crop in [0, 1], without its sharpness.

    The product of size (1 from 96 px of box side up), of not being covered by a nearer vehicle, of not being cut
    off by the frame's edge, and of the detector's confidence.
    """
    side = np.sqrt(areas(found.boxes))
    size = np.clip(side / 96.0, 0.0, 1.0)
    whole = 1.0 - np.clip(covered(found.boxes), 0.0, 0.9)
    inside = np.where(touches_border(found.boxes, frame.size), 0.25, 1.0)
    return np.asarray(size * whole * inside * (0.5 + 0.5 * found.scores), np.float32)


def sharpness(image: Image) -> float:
    """Sharpness of a crop in [0, 1), rising with the variance of its Laplacian: 0.5 at a variance of 200."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    detail = float(cv2.Laplacian(gray, cv2.CV_32F).var())
    return detail / (detail + 200.0)


class BestCrops:
    """Selection of the `keep` best crops of one tracklet, at most one from each stretch of `apart_ns` nanoseconds.

    A crop is cut only if it can win a place, so most frames cost nothing.
    """

    def __init__(self, *, keep: int = 4, apart_ns: int = 300_000_000) -> None:
        self._keep = keep
        self._apart_ns = apart_ns
        self._crops: list[Crop] = []

    def __len__(self) -> int:
        return len(self._crops)

    @property
    def crops(self) -> list[Crop]:
        """The crops, best first."""
        return sorted(self._crops, key=lambda crop: (-crop.quality, crop.captured_ns))

    def offer(self, frame: Frame, found: Detections, row: int, quality: float) -> bool:
        """Consider row `row` of the detections; returns whether the best crops have changed."""
        # Step 1: leave at once where even a perfectly sharp crop could not win
        rival = self._rival(frame.captured_ns)
        if rival is not None and quality <= rival.quality:
            return False
        # Step 2: cut, and compare the quality with sharpness
        crop = cut_crop(frame, found, row, quality)
        return crop is not None and self.take(crop)

    def take(self, crop: Crop) -> bool:
        """Take a crop in if it is among the best; returns whether it is."""
        rival = self._rival(crop.captured_ns)
        if rival is not None and crop.quality <= rival.quality:
            return False
        if rival is not None:
            self._crops.remove(rival)
        self._crops.append(crop)
        return True

    def _rival(self, captured_ns: int) -> Crop | None:
        """Crop that a new one has to beat: that of its stretch, or the worst once all places are taken."""
        for crop in self._crops:
            if captured_ns // self._apart_ns == crop.captured_ns // self._apart_ns:
                return crop
        if len(self._crops) < self._keep:
            return None
        return min(self._crops, key=lambda crop: (crop.quality, -crop.captured_ns))


def cut_crop(frame: Frame, found: Detections, row: int, quality: float) -> Crop | None:
    """Cut one vehicle out of a frame; None if nothing of it lies inside. Sharpness enters the quality here."""
    box = found.boxes[row]
    width, height = frame.size
    margin = MARGIN * (box[2:] - box[:2])
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + margin), (width, height)).astype(int)
    if right - left < 4 or bottom - top < 4:
        return None
    image = frame.image[top:bottom, left:right].copy()
    mask = None if found.masks is None else found.masks[row, top:bottom, left:right].copy()
    return Crop(
        image=image,
        box_xyxy=np.asarray(box - np.array([left, top, left, top], np.float32), np.float32),
        quality=quality * (0.5 + 0.5 * sharpness(image)),
        captured_ns=frame.captured_ns,
        mask=mask,
    )
