"""Small videos made on the spot: a square that moves over a still background."""

from pathlib import Path

import numpy as np

from ingest.frame import Image
from ingest.video import VideoWriter

SIZE = (160, 96)


def clip_image(index: int | None, size: tuple[int, int] = SIZE) -> Image:
    """Frame `index`: a bright square that moves two pixels a frame; None is the road without it."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([60 + columns % 40, 70 + rows % 40, np.full_like(rows, 80)], axis=-1).astype(np.uint8)
    if index is None:
        return image
    left = (10 + 2 * index) % (width - 40)
    image[30:60, left : left + 36] = (40, 40, 220)
    return image


def write_clip(path: Path, frames: int, frames_per_s: int = 25, size: tuple[int, int] = SIZE) -> Path:
    """A clip of that many frames."""
    writer = VideoWriter(path, size, frames_per_s)
    for index in range(frames):
        writer.write(clip_image(index, size))
    writer.close()
    return path
