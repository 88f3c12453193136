"""A toy training set: every identity is a coloured shape, seen by two cameras before noise."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from training.datasets.base import ImageSet
from training.datasets.folder import CSV_NAME

SIDE_PX = 64
CAMERAS = ("left", "right")


def draw_set(folder: Path, split_of: Callable[[str, str], str], *, identities: int, images: int) -> ImageSet:
    """Write a toy set with its table; `split_of` name and camera: train, query or gallery."""
    drawn = draw_vehicles(folder, identities=identities, images=images)
    rows = zip(drawn.names.tolist(), drawn.identities.tolist(), drawn.cameras.tolist(), strict=True)
    lines = [f"{name},{identity},{camera},{split_of(name, camera)}" for name, identity, camera in rows]
    (folder / CSV_NAME).write_text("\n".join(["path,identity,camera,split", *lines]) + "\n")
    return drawn


def draw_vehicles(folder: Path, *, identities: int, images: int, seed: int = 0) -> ImageSet:
    """Write the images of a toy set into a folder, PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = []
    for identity in range(identities):
        colour = rng.integers(60, 256, 3).tolist()
        for number in range(images):
            camera = CAMERAS[number % len(CAMERAS)]
            picture = rng.integers(0, 60, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
            left, top = rng.integers(8, 20, 2).tolist()
            if identity % 2:
                cv2.rectangle(picture, (left, top), (left + 36, top + 20), colour, -1)
            else:
                cv2.circle(picture, (left + 14, top + 14), 16, colour, -1)
            name = f"{identity:02d}_{camera}_{number}.png"
            cv2.imwrite(str(folder / name), picture)
            rows.append((name, f"v{identity:02d}", camera))
    return ImageSet.of(folder, rows)
