"""Colour encoder: needs no weights, and gives two white vans the same vector."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from embed.crops import Crop

BANDS = 3
HUES = 12
GRAY_LEVELS = 8
SIZES = 4
DIM = BANDS * (HUES + GRAY_LEVELS) + SIZES


class ColourEncoder:
    """Histograms of hue and of gray level in three bands from roof to sill, inside the mask, and a rough shape.

    Coloured pixels vote for hues with the weight of their chroma, the others for gray levels; votes are shared between
    neighbouring bins, so that a small shift of exposure moves little. Square roots make the dot product the
    Bhattacharyya coefficient; subtracting each bin's share of an average street makes unlike vehicles negative.
    """

    @property
    def id(self) -> str:
        return "colour@1"

    @property
    def dim(self) -> int:
        return DIM

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        if not crops:
            return np.empty((0, DIM), np.float32)
        return np.stack([embed_crop(crop) for crop in crops])


def embed_crop(crop: Crop) -> NDArray[np.float32]:
    """Embed a crop with its mask: (DIM,) float32 of norm 1; raises ValueError where it has none."""
    if crop.mask is None or not crop.mask.any():
        raise ValueError("a crop without a mask: ask a Masker first")
    # Step 1: three bands of L*a*b* pixels between the top and the bottom of the mask
    lab = cv2.cvtColor(crop.image, cv2.COLOR_BGR2LAB).astype(np.float32)
    rows = np.flatnonzero(crop.mask.any(axis=1))
    edges = np.linspace(rows[0], rows[-1] + 1, BANDS + 1).round().astype(int)
    bands = []
    for top, bottom in pairwise(edges):
        pixels = lab[top:bottom][crop.mask[top:bottom]]
        bands.append(_votes(pixels))
    # Step 2: shares of hues and gray levels by band, less those of an average street; aspect ratio; norm 1
    colours = np.concatenate(bands)
    centred = colours - np.tile(_STREET, BANDS)
    vector = np.concatenate([centred, 0.35 * _shape(crop)])
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _votes(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(HUES + GRAY_LEVELS,) square roots of the shares of hues and gray levels among (N, 3) L*a*b* pixels."""
    if not len(pixels):
        return np.zeros(HUES + GRAY_LEVELS, np.float32)
    red_green, yellow_blue = pixels[:, 1] - 128.0, pixels[:, 2] - 128.0
    chroma = np.hypot(red_green, yellow_blue)
    coloured = np.clip((chroma - 8.0) / 24.0, 0.0, 1.0)
    hue = (np.arctan2(yellow_blue, red_green) / (2 * np.pi)) % 1.0 * HUES
    gray = pixels[:, 0] / 255.0 * (GRAY_LEVELS - 1)
    hues = _soft(hue, coloured, HUES, wrap=True)
    grays = _soft(gray, 1.0 - coloured, GRAY_LEVELS, wrap=False)
    # A change of exposure moves everything by a bin or so; what is next to each other stays alike.
    hues = 0.5 * hues + 0.25 * (np.roll(hues, 1) + np.roll(hues, -1))
    grays = np.convolve(np.pad(grays, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    votes = np.concatenate([hues, grays]) / len(pixels)
    return np.asarray(np.sqrt(votes), np.float32)


def _soft(position: NDArray[np.float32], weight: NDArray[np.float32], bins: int, *, wrap: bool) -> NDArray[np.float64]:
    """(bins,) sums of weights, each shared between the two bins next to its position."""
    low = np.floor(position).astype(int)
    share = position - low
    high = low + 1
    low, high = (low % bins, high % bins) if wrap else (np.clip(low, 0, bins - 1), np.clip(high, 0, bins - 1))
    shared = np.bincount(low, weight * (1 - share), bins) + np.bincount(high, weight * share, bins)
    return np.asarray(shared, np.float64)


def _shape(crop: Crop) -> NDArray[np.float32]:
    """(SIZES,) soft one-hot of the box's aspect ratio: a bus is not a hatchback."""
    width, height = crop.box_xyxy[2:] - crop.box_xyxy[:2]
    ratio = np.log2(max(float(width), 1.0) / max(float(height), 1.0))
    position = np.array([np.clip((ratio + 1.0) / 2.5 * (SIZES - 1), 0, SIZES - 1)], np.float32)
    return np.asarray(_soft(position, np.ones(1, np.float32), SIZES, wrap=False), np.float32)


_STREET = np.sqrt(np.concatenate([np.full(HUES, 0.15 / HUES), np.full(GRAY_LEVELS, 0.85 / GRAY_LEVELS)])).astype(
    np.float32
)
"""Square roots of the shares that an average vehicle has: mostly gray."""
