"""Frozen looks: what other cameras make of a crop, kept for measuring; no training may import or be tuned by them.

Five are those of the gantries' altered windows; their numbers, and those of the three others, are never changed, so
that figures of different years can stand side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from ingest.frame import Image
from tests.bench.city.crops_set import Shot
from tests.bench.gantries.cuts import BRIGHT, COLD, DARK, HAZY, WARM, Look

FrozenLook = Callable[[Image, np.random.Generator], Image]

TUNGSTEN = Look("white balance", balance=(0.70, 1.0, 1.28))
SMALL_PX = 28


def small(image: Image, _rng: np.random.Generator) -> Image:
    """A crop from far away, made as large again as it was."""
    height, width = image.shape[:2]
    scale = min(1.0, SMALL_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tiny = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(tiny, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def crisp(image: Image, _rng: np.random.Generator) -> Image:
    """A crop as a camera shows it that sharpens and saturates."""
    soft = cv2.GaussianBlur(image, (0, 0), 1.2)
    sharp = cv2.addWeighted(image, 2.2, soft, -1.2, 0.0).astype(np.float32)
    grey = sharp.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey + 1.5 * (sharp - grey), 0, 255), np.uint8)


LOOKS: Final[Mapping[str, FrozenLook]] = {
    **{look.name: look.of for look in (DARK, WARM, HAZY, COLD, BRIGHT, TUNGSTEN)},
    "28 pixels": small,
    "sharpened, saturated": crisp,
}


def seen_through(look: FrozenLook, shots: list[Shot]) -> list[Shot]:
    """The same crops as a camera with this look has them; always the same noise."""
    rng = np.random.default_rng(41)
    return [replace(shot, image=look(shot.image, rng)) for shot in shots]
