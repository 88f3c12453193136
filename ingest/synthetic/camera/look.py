"""Look of a camera's images: optics, exposure, sensor curve, sharpening, noise."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.spec import Look
from ingest.synthetic.world.weather import Weather

Rect = tuple[int, int, int, int]
REACH_PX = 8
"""Margin that covers a pixel's neighbourhood in `Finish.apply`: nearer to a cut edge its result is not valid."""

_BANK_SIZE = 16
_SMALL_PX = 500_000
_BANK_MARGIN_PX = 64


class Finish:
    """The fixed processing of one camera for images of one size."""

    def __init__(self, look: Look, width: int, height: int, metering: "Metering") -> None:
        self._look = look
        self._curve = _curve(look, metering)
        y, x = np.mgrid[:height, :width]
        squared = 2 * ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2)
        falloff = np.round(255 * (1 - look.vignette * squared)).astype(np.uint8)
        self._vignette = cv2.merge([falloff] * 3)

    def apply(self, image: Image, rect_xyxy: Rect) -> Image:
        """Blur, vignette, sensor curve and sharpening of the part of the image at `rect_xyxy`."""
        left, top, right, bottom = rect_xyxy
        soft = cv2.GaussianBlur(image, (0, 0), self._look.softness_px) if self._look.softness_px else image
        shaded = cv2.multiply(soft, self._vignette[top:bottom, left:right], scale=1 / 255)
        curved = cv2.LUT(shaded, self._curve)
        if not self._look.sharpening:
            return np.asarray(curved, np.uint8)
        blurred = cv2.GaussianBlur(curved, (0, 0), 1.0)
        added = self._look.sharpening
        return np.asarray(cv2.addWeighted(curved, 1 + added, blurred, -added, 0.0), np.uint8)


@dataclass(frozen=True, slots=True)
class Metering:
    """Exposure that a camera chose for a scene: levels of the image are slope times those of the scene, plus offset."""

    slope: float = 1.21
    offset: float = -4.6


def meter(scene: Image, weather: Weather) -> Metering:
    """Expose automatically for an empty scene (H, W, 3): its bright parts become white, within the sensor's reach."""
    grey = cv2.cvtColor(scene[::4, ::4], cv2.COLOR_BGR2GRAY)
    low, middle, high = (float(level) for level in np.percentile(grey, (2, 50, 98.5)))
    brightest, floor, most = _METERING[weather.light]
    white = brightest - 25 * weather.rain
    black = 12 + 26 * weather.rain * (not weather.dark)
    slope = min((white - black) / max(high - low, 1.0), (white - floor) / max(high, 1.0), most)
    offset = float(np.clip(white - slope * high, floor, 6.0))
    if slope * middle + offset <= _MIDDLE:
        return Metering(slope, offset)
    offset = max(_MIDDLE - slope * middle, 2.0 * floor)
    return Metering((_MIDDLE - offset) / max(middle, 1.0), offset)


_MIDDLE = 142
"""Highest median level of an image: half of it is not made brighter than this."""

_METERING: dict[str, tuple[float, float, float]] = {
    "sun": (255, -26, 1.7),
    "overcast": (252, -30, 1.85),
    "dusk": (215, -10, 1.5),
    "night": (222, -2, 1.6),
}
"""Level of the bright parts of a scene, the least offset that is added to all levels, and the most contrast."""


def _curve(look: Look, metering: Metering) -> NDArray[np.uint8]:
    """Make the (256, 1, 3) lookup table of exposure, white balance and contrast."""
    gains = look.exposure * np.array(look.balance_bgr)
    light = (np.arange(256)[:, None] * metering.slope + metering.offset) / 255
    light = np.clip(light * gains, 0, 1)
    level = (light * 255 - 115) * look.contrast + 115
    return np.clip(np.round(level), 0, 255).astype(np.uint8)[:, None, :]


class Noise:
    """Sensor noise of one camera, the same for the same frame number. Images share one bank of it.

    In the dark it is up to `dark_noise` times as strong.
    """

    def __init__(self, seed: int, sigma: float, dark_noise: float, width: int, height: int) -> None:
        self._seed = seed
        self._width, self._height = width, height
        self._bank = _noise_bank(sigma * dark_noise, width, height) if sigma else ()
        self._limit: NDArray[np.uint8] | None = None
        if dark_noise > 1:
            more = 1 + (dark_noise - 1) * np.exp(-np.arange(256) / 50)
            self._limit = np.round(1.6 * sigma * more).astype(np.uint8)

    def add(self, image: Image, sequence: int) -> Image:
        """Add the noise of frame `sequence` to an image, as a new array."""
        if not self._bank:
            return image.copy()
        bits = scatter((self._seed << 32) ^ sequence)
        brighter, darker = self._bank[bits % len(self._bank)]
        x = bits // _BANK_SIZE % _BANK_MARGIN_PX
        y = bits // (_BANK_SIZE * _BANK_MARGIN_PX) % _BANK_MARGIN_PX
        part = np.s_[y : y + self._height, x : x + self._width]
        more, less = brighter[part], darker[part]
        if self._limit is not None:
            limit = cv2.LUT(image, self._limit)
            more, less = (np.asarray(cv2.min(each, limit), np.uint8) for each in (more, less))
        noisy = cv2.add(image, more)
        return np.asarray(cv2.subtract(noisy, less, dst=noisy), np.uint8)


def scatter(value: int) -> int:
    """Scatter the bits of a 64-bit number (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    mask = (1 << 64) - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


@cache
def _noise_bank(sigma: float, width: int, height: int) -> tuple[tuple[Image, Image], ...]:
    """Draw pairs of levels to add and levels to take away, a margin larger than the image.

    Fine grain in brightness and coarser grain in colour, together `sigma` grey levels.
    """
    rng = np.random.default_rng(4)
    rows, columns = height + _BANK_MARGIN_PX, width + _BANK_MARGIN_PX
    bank = []
    for _ in range(_BANK_SIZE // (2 if width * height <= _SMALL_PX else 4)):
        grain = rng.standard_normal((rows, columns, 1), np.float32) * (0.8 * sigma)
        colour = rng.standard_normal((rows // 2, columns // 2, 3), np.float32) * (0.8 * sigma)
        noise = np.round(grain + cv2.resize(colour, (columns, rows)))
        brighter, darker = (np.clip(sign * noise, 0, 255).astype(np.uint8) for sign in (1, -1))
        bank += [(brighter, darker), (darker, brighter)]
    return tuple(bank)
