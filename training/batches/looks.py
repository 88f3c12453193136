"""Random camera looks of a crop: what another make of camera, its settings and its distance do to the same vehicle."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image

BLACK, WHITE = (-0.04, 0.12), (0.85, 1.15)
"""Input levels, in 0..1, that come out black and white."""
GAIN_SIGMA, GAIN_LIMIT = 0.15, 0.4
"""Per-channel gain: deviation and bound of its natural logarithm."""
GAMMA = (0.6, 1.7)
TONE = 0.6
"""Largest strength of the tone curve, in either direction."""
SIDES_PX = (24.0, 200.0)
"""Least and most of the longer side that a crop is taken down to; smaller ones stay as they are."""
SHARPEN, BLUR_SIGMA = (0.3, 1.5), (0.4, 1.4)
NOISE_SIGMA = (1.0, 12.0)
JPEG_QUALITY = (15, 90)

RESIZED, FOCUSED, NOISY, COMPRESSED = 0.7, 0.5, 0.4, 0.5
"""How often a look has each of its parts; every look has a curve of its levels."""


def random_look(image: Image, rng: np.random.Generator) -> Image:
    """Show a BGR crop (h, w, 3) as another camera might have: levels, size, focus, noise, compression, in this order.

    Its size may change; a prior over the whole crop still fits.
    """
    seen = np.asarray(cv2.LUT(image, random_levels(rng)), np.uint8)
    if rng.random() < RESIZED:
        seen = taken_down(seen, float(np.exp(rng.uniform(*np.log(SIDES_PX)))))
    if rng.random() < FOCUSED:
        seen = _sharpened(seen, rng) if rng.random() < 0.5 else _blurred(seen, rng)
    if rng.random() < NOISY:
        noise = rng.normal(0.0, rng.uniform(*NOISE_SIGMA), seen.shape)
        seen = np.clip(seen + noise, 0, 255).astype(np.uint8)
    return _compressed(seen, int(rng.integers(*JPEG_QUALITY, endpoint=True))) if rng.random() < COMPRESSED else seen


def random_levels(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw each channel's curve of levels (1, 256, 3): black and white point, gain, gamma, and an S of either sign."""
    black, white = rng.uniform(*BLACK), rng.uniform(*WHITE)
    gain = np.exp(np.clip(rng.normal(0.0, GAIN_SIGMA, 3), -GAIN_LIMIT, GAIN_LIMIT))
    gamma, strength = np.exp(rng.uniform(*np.log(GAMMA))), rng.uniform(-TONE, TONE)
    level = (np.arange(256)[:, None] / 255.0 - black) / (white - black)
    curved = np.clip(level * gain, 0.0, 1.0) ** gamma
    # An S-curve that is steep in the middle for one sign and flat for the other, and never falls.
    toned = curved - strength * np.sin(2.0 * np.pi * curved) / (2.0 * np.pi)
    return np.asarray(np.round(255.0 * toned), np.uint8)[None]


def taken_down(image: Image, longer_px: float) -> Image:
    """Shrink an image so that its longer side has at most so many pixels."""
    scale = longer_px / max(image.shape[:2])
    if scale >= 1.0:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _sharpened(image: Image, rng: np.random.Generator) -> Image:
    """Sharpen by an unsharp mask, as cameras do."""
    amount = rng.uniform(*SHARPEN)
    return np.asarray(
        cv2.addWeighted(image, 1.0 + amount, cv2.GaussianBlur(image, (0, 0), 1.0), -amount, 0.0), np.uint8
    )


def _blurred(image: Image, rng: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(*BLUR_SIGMA)), np.uint8)


def _compressed(image: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
