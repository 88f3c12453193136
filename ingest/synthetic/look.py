"""From the clean picture to what the camera delivers: optics, sensor curve, sharpening, noise."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.cameras import Look

Rect = tuple[int, int, int, int]
REACH_PX = 8
"""How far a pixel's neighbourhood reaches in `Finish.apply`, at least."""

_BANK_SIZE = 16
_BANK_MARGIN_PX = 64


class Finish:
    """The fixed processing of one camera for pictures of one size."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._curve = _curve(look)
        y, x = np.mgrid[:height, :width]
        squared = 2 * ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2)
        falloff = np.round(255 * (1 - 0.22 * squared)).astype(np.uint8)
        self._vignette = cv2.merge([falloff] * 3)

    def apply(self, image: Image, rect_xyxy: Rect) -> Image:
        """Blur, vignette, sensor curve and sharpening of the part of the picture at `rect_xyxy`."""
        left, top, right, bottom = rect_xyxy
        soft = cv2.GaussianBlur(image, (0, 0), 0.5)
        shaded = cv2.multiply(soft, self._vignette[top:bottom, left:right], scale=1 / 255)
        curved = cv2.LUT(shaded, self._curve)
        blurred = cv2.GaussianBlur(curved, (0, 0), 1.0)
        return np.asarray(cv2.addWeighted(curved, 2.0, blurred, -1.0, 0.0), np.uint8)


def _curve(look: Look) -> NDArray[np.uint8]:
    """The (256, 1, 3) lookup table: exposure, white balance, gamma, black level, contrast."""
    gains = look.exposure * np.array(look.balance_bgr)
    light = np.clip(np.arange(256)[:, None] / 255 * gains, 0, 1) ** 0.95
    level = (light * 255 * 0.93 + 8 - 100) * 1.3 + 100 + 15
    return np.clip(np.round(level), 0, 255).astype(np.uint8)[:, None, :]


class Noise:
    """Sensor noise of one camera, the same for the same frame number. Pictures share one bank of it."""

    def __init__(self, seed: int, sigma: float, width: int, height: int) -> None:
        self._seed = seed
        self._width, self._height = width, height
        self._bank = _noise_bank(sigma, width, height)

    def add(self, image: Image, sequence: int) -> Image:
        """The picture with the noise of frame `sequence`, as a new array."""
        bits = _mix((self._seed << 32) ^ sequence)
        brighter, darker = self._bank[bits % _BANK_SIZE]
        x = bits // _BANK_SIZE % _BANK_MARGIN_PX
        y = bits // (_BANK_SIZE * _BANK_MARGIN_PX) % _BANK_MARGIN_PX
        part = np.s_[y : y + self._height, x : x + self._width]
        noisy = cv2.add(image, brighter[part])
        return np.asarray(cv2.subtract(noisy, darker[part], dst=noisy), np.uint8)


def _mix(value: int) -> int:
    """Scatter the bits of a 64-bit number (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    mask = (1 << 64) - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


@cache
def _noise_bank(sigma: float, width: int, height: int) -> tuple[tuple[Image, Image], ...]:
    """Pairs of what to add and what to take away, a margin larger than the picture.

    Fine grain in brightness and coarser grain in colour, together `sigma` grey levels.
    """
    rng = np.random.default_rng(4)
    rows, columns = height + _BANK_MARGIN_PX, width + _BANK_MARGIN_PX
    bank = []
    for _ in range(_BANK_SIZE // 2):
        grain = rng.standard_normal((rows, columns, 1), np.float32) * (0.8 * sigma)
        colour = rng.standard_normal((rows // 2, columns // 2, 3), np.float32) * (0.8 * sigma)
        noise = np.round(grain + cv2.resize(colour, (columns, rows)))
        brighter, darker = (np.clip(sign * noise, 0, 255).astype(np.uint8) for sign in (1, -1))
        bank += [(brighter, darker), (darker, brighter)]
    return tuple(bank)
