"""Vectors of an exported encoder for crops of a data set, boxed and masked as the running system would."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detect.masks import Masker, never_empty
from embed.crops import MARGIN, Crop
from embed.encoder import Encoder
from ingest.frame import Image
from training.datasets.base import ImageSet
from training.datasets.images import read_image

BATCH = 16
INSET = MARGIN / (1.0 + 2.0 * MARGIN)
"""Part of a crop's sides that is surroundings, as the running system cuts."""

Looks = Callable[[Image], Sequence[Image]]
"""What an image is shown as: itself, or several altered ones."""


def itself(image: Image) -> Sequence[Image]:
    """Show an image as it is."""
    return (image,)


def vectors_of(
    images: ImageSet,
    encoder: Encoder,
    masker: Masker,
    on_progress: Callable[[int], None] = lambda images: None,
    looks: Looks = itself,
) -> NDArray[np.float32]:
    """Vectors (N * L, dim) of N crops, the L looks of each side by side; `on_progress` gets how many crops are done."""
    rows = []
    for start in range(0, len(images), BATCH):
        stop = min(start + BATCH, len(images))
        rows.append(encoder([crop for row in range(start, stop) for crop in _crops(images, row, masker, looks)]))
        on_progress(stop)
    return np.concatenate(rows)


def _crops(images: ImageSet, row: int, masker: Masker, looks: Looks) -> Iterator[Crop]:
    for image in looks(read_image(images.path(row))):
        crop = whole_crop(image)
        yield replace(crop, mask=never_empty(masker(image, crop.box_xyxy)))


def whole_crop(image: Image) -> Crop:
    """Take an image for a crop with its surroundings, whose box is not known; without a mask."""
    height, width = image.shape[:2]
    inset = INSET * np.array([width, height])
    return Crop(image, np.concatenate([inset, (width, height) - inset]).astype(np.float32), 1.0, 0)
