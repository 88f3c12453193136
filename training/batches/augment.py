"""Images and their priors as a network sees them: resized, and in training flipped, shifted, jittered and erased."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from embed.network.settings import PIXEL_MEAN, PIXEL_STD, PRIOR_STRIDE
from embed.resizing import resized
from ingest.frame import Image
from training.batches.looks import random_look
from training.encoder.recipe import Recipe

PriorSource = Callable[[int], NDArray[Any]]
"""A prior by an image's row number, (2, h, w): box and mask, 0 to 1, of any size, over the whole image."""

ERASED_AREA = (0.02, 0.4)
ERASED_ASPECT = 0.3
ERASE_TRIES = 100
ERASED_FILL = np.array((0.4914, 0.4822, 0.4465), np.float32)
"""Value painted in by random erasing, after normalisation, so that it is not the mean; MSINet's recipe has it so."""

ZOOM_ASPECT = 1.15

MEAN = np.array(PIXEL_MEAN, np.float32)
STD = np.array(PIXEL_STD, np.float32)
LEVELS = ((np.arange(256, dtype=np.float32)[:, None] / 255.0 - MEAN) / STD)[None]
"""Normalised value of every level of red, green and blue, (1, 256, 3)."""
GRAY_WEIGHTS_BGR = np.array((0.114, 0.587, 0.299))

Array = NDArray[np.float32]


def test_view(image: Image, prior: NDArray[Any] | None, size_hw: tuple[int, int]) -> tuple[Array, Array | None]:
    """Resize a BGR image to (H, W, 3) float32 normalised RGB, and its prior to (H/4, W/4, 2) in 0..1."""
    pixels = normalised(resized(image, size_hw))
    return pixels, None if prior is None else quarter_size(resized(_channels_last(prior), size_hw))


test_view.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


def training_view(
    image: Image, prior: NDArray[Any] | None, size_hw: tuple[int, int], recipe: Recipe, rng: np.random.Generator
) -> tuple[Array, Array | None]:
    """Augment an image and its prior; shapes as of `test_view`.

    The prior goes the same way as the image, but is never erased.
    """
    if recipe.looks and rng.random() < recipe.looks:
        image = random_look(image, rng)
    if recipe.zoom:
        part = random_part(recipe.zoom, rng)
        image = cropped(image, part)
        prior = None if prior is None else np.moveaxis(cropped(_channels_last(prior), part), -1, 0)
    flip = rng.random() < recipe.flip
    shift_yx = rng.integers(-recipe.pad_px, recipe.pad_px, size=2, endpoint=True)
    moved = jittered(shifted(resized(image, size_hw), flip, shift_yx), jitter_factors(recipe, rng))
    pixels = erased(normalised(moved), recipe.erase, rng)
    if prior is None:
        return pixels, None
    kept_prior = drop_priors(_channels_last(prior), recipe.prior_dropout, rng)
    return pixels, quarter_size(shifted(resized(kept_prior, size_hw), flip, shift_yx))


def _channels_last(prior: NDArray[Any]) -> NDArray[Any]:
    """(2, h, w) to (h, w, 2), as OpenCV wants it."""
    return np.ascontiguousarray(np.moveaxis(prior, 0, -1))


def random_part(zoom: float, rng: np.random.Generator) -> Array:
    """Left, top, right and bottom of a part of the image, in shares of its sides.

    Its sides are shorter by 0 to `zoom`; one of them by up to ZOOM_ASPECT more.
    """
    sides = rng.uniform(1.0 - zoom, 1.0) * np.minimum(1.0, ZOOM_ASPECT ** (rng.uniform(-1.0, 1.0) * np.array([1, -1])))
    start = rng.uniform(0.0, 1.0 - sides)
    return np.concatenate([start, start + sides]).astype(np.float32)


def cropped(image: NDArray[Any], part: Array) -> NDArray[Any]:
    """Crop (h, w, ...) to a part, at least one pixel wide and high."""
    height, width = image.shape[:2]
    left, top = np.minimum(np.round(part[:2] * (width, height)).astype(int), (width - 1, height - 1))
    right, bottom = np.maximum(np.round(part[2:] * (width, height)).astype(int), (left + 1, top + 1))
    return np.ascontiguousarray(image[top:bottom, left:right])


def shifted(image: NDArray[Any], flip: bool, shift_yx: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Mirror if wanted, then move; what comes in from outside is 0. The same as padding and cropping."""
    source = image[:, ::-1] if flip else image
    (down, right), (height, width) = shift_yx.tolist(), image.shape[:2]
    out = np.zeros_like(image)
    out[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = source[
        max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
    ]
    return out


def jitter_factors(recipe: Recipe, rng: np.random.Generator) -> Array:
    """Factors of brightness, contrast and saturation, each around 1."""
    return (1.0 + np.array(recipe.jitter) * rng.uniform(-1.0, 1.0, 3)).astype(np.float32)


def normalised(image: Image) -> Array:
    """(H, W, 3) BGR uint8 to normalised RGB float32."""
    return np.asarray(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), LEVELS))


def jittered(image: Image, factors: Array) -> Image:
    """A BGR image with brightness, contrast (around its mean gray) and saturation times `factors`."""
    if np.all(factors == 1.0):
        return image
    brightness, contrast, saturation = factors.tolist()
    gray = np.outer(np.ones(3), GRAY_WEIGHTS_BGR)
    level = brightness * float(GRAY_WEIGHTS_BGR @ cv2.mean(image)[:3])
    # All three are linear in a pixel, so they are one matrix; a gray has no colour to lose, so its offset stays.
    mixed = brightness * contrast * (saturation * np.eye(3) + (1.0 - saturation) * gray)
    offset = np.full((3, 1), (1.0 - contrast) * level)
    return np.asarray(cv2.transform(image, np.hstack([mixed, offset])), np.uint8)


def erased(pixels: Array, probability: float, rng: np.random.Generator) -> Array:
    """Random erasing (Zhong et al., AAAI 2020): sometimes a rectangle of 2 to 40 % of the area is painted over."""
    if rng.random() >= probability:
        return pixels
    height, width = pixels.shape[:2]
    for _ in range(ERASE_TRIES):
        area = rng.uniform(*ERASED_AREA) * height * width
        aspect = rng.uniform(ERASED_ASPECT, 1.0 / ERASED_ASPECT)
        tall, wide = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if tall < height and wide < width:
            top, left = rng.integers(0, height - tall, endpoint=True), rng.integers(0, width - wide, endpoint=True)
            pixels[top : top + tall, left : left + wide] = ERASED_FILL
            break
    return pixels


def drop_priors(prior: NDArray[Any], probability: float, rng: np.random.Generator) -> NDArray[Any]:
    """Prior dropout: a prior (h, w, 2), at random without its mask (the box twice) or without both (all ones)."""
    chance = rng.random()
    if chance >= probability:
        return prior
    if chance < probability / 2:
        return np.ones_like(prior)
    return np.ascontiguousarray(np.repeat(prior[:, :, :1], 2, axis=2))


def quarter_size(prior: NDArray[Any]) -> Array:
    """(H, W, 2) averaged over squares of four by four pixels to (H/4, W/4, 2) float32."""
    size = prior.shape[1] // PRIOR_STRIDE, prior.shape[0] // PRIOR_STRIDE
    return np.asarray(cv2.resize(prior.astype(np.float32, copy=False), size, interpolation=cv2.INTER_AREA))
