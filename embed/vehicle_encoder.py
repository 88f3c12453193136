"""Encoder for a user's own images: frames or crops with a box each, where the stream has tracklets."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from detect.masks import Masker, never_empty
from embed.crops import Crop, cut_crop
from embed.encoder import Encoder
from ingest.frame import ClockQuality, Frame, Image


class VehicleEncoder:
    """Embed vehicles as the running system does: cut with the same surroundings, masked by the same masker."""

    def __init__(self, encoder: Encoder, masker: Masker) -> None:
        self._encoder = encoder
        self._masker = masker

    @property
    def id(self) -> str:
        """`name@hash`, or `name@hash+masks`: embeddings of encoders whose ids differ are not comparable."""
        return self._encoder.id

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def __call__(
        self, images: Sequence[Image], boxes_xyxy: NDArray[np.floating] | Sequence[Sequence[float]] | None = None
    ) -> NDArray[np.float32]:
        """Embed one vehicle of each image: (N, dim) float32 rows of norm 1, whose dot products are cosines.

        images: N arrays (H, W, 3) uint8 BGR. boxes_xyxy: (N, 4) pixels, the vehicle in each image; without them each
        image is a crop that the vehicle fills. Raises ValueError for arrays of another form, for another number of
        boxes, and for a box with less than 4 pixels inside its image.
        """
        if boxes_xyxy is None:
            boxes = np.array([[0, 0, *_size(image, row)] for row, image in enumerate(images)], np.float32)
        else:
            boxes = np.asarray(boxes_xyxy, np.float32)
        boxes = boxes.reshape(-1, 4) if not boxes.size else boxes
        if boxes.shape != (len(images), 4):
            raise ValueError(f"{len(images)} images need boxes of shape ({len(images)}, 4), not {boxes.shape}")
        if not np.isfinite(boxes).all():
            raise ValueError("a box has a coordinate that is not a number")
        return self._encoder([self._crop(image, boxes[row], row) for row, image in enumerate(images)])

    def _crop(self, image: Image, box: NDArray[np.float32], row: int) -> Crop:
        _size(image, row)
        frame = Frame(camera_id="", sequence=row, captured_ns=0, clock=ClockQuality.FILE, image=image)
        crop = cut_crop(frame, Detections.of(box[None]), 0, quality=1.0)
        if crop is None:
            raise ValueError(f"box {row} {box.tolist()} has less than 4 pixels inside its image of {frame.size}")
        return replace(crop, mask=never_empty(self._masker(crop.image, crop.box_xyxy)))


def _size(image: Image, row: int) -> tuple[int, int]:
    """Width and height of an image; raises ValueError for an array that is none."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"image {row} is {found}, not (H, W, 3) uint8 BGR")
    return image.shape[1], image.shape[0]
