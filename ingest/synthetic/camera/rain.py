"""Rain before a camera: streaks in the air and drops on the glass."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.look import scatter
from ingest.synthetic.camera.spec import CameraSpec

_LAYERS = 5
_MARGIN_PX = 64
_DROP_S = 9
"""Seconds for which a drop stays on the glass."""


class Rain:
    """Rain of one camera, the same for the same frame number; `rain` from 0, dry, to 1, a downpour."""

    def __init__(self, rain: float, spec: CameraSpec) -> None:
        self._spec = spec
        self._rng_seed = (spec.seed << 8) ^ 0x5EED
        self._drops = round(1 + 4 * rain)
        self._layers = _streak_layers(rain, spec.width, spec.height)

    def fall(self, image: Image, sequence: int) -> Image:
        """Add the rain of frame `sequence` to an image, as a new array."""
        bits = scatter(self._rng_seed ^ (sequence << 20))
        layer = self._layers[bits % _LAYERS]
        x, y = bits // _LAYERS % _MARGIN_PX, bits // (_LAYERS * _MARGIN_PX) % _MARGIN_PX
        rainy = np.asarray(cv2.add(image, layer[y : y + self._spec.height, x : x + self._spec.width]), np.uint8)
        time_s = sequence / self._spec.fps
        for number in range(self._drops):
            self._put_drop(rainy, number, time_s)
        return rainy

    def _put_drop(self, image: Image, number: int, time_s: float) -> None:
        """Draw a drop, in place: a small lens with a blurred, upside-down image of what is around it."""
        turn, age_s = divmod(time_s + number * 3.7, _DROP_S)
        bits = scatter(self._rng_seed ^ (number << 40) ^ int(turn))
        if bits % 3 == 0:
            return
        unit = self._spec.width / 640
        radius = round((6 + bits // 3 % 14) * unit)
        x = radius + bits // 64 % max(1, self._spec.width - 2 * radius)
        y = radius + bits // 65536 % max(1, self._spec.height - 2 * radius) + round(age_s**2 * 0.4 * unit)
        if y + radius >= self._spec.height:
            return
        part = image[y - radius : y + radius, x - radius : x + radius]
        bent = cv2.GaussianBlur(part[::-1], (0, 0), radius / 2.5).astype(np.float32) * 1.08 + 6
        share = _drop_mask(radius)
        part[:] = np.clip(part * (1 - share) + bent * share, 0, 255).astype(np.uint8)


def _drop_mask(radius: int) -> NDArray[np.float32]:
    y, x = np.mgrid[-radius:radius, -radius:radius] + 0.5
    share = np.clip(1.6 * (1 - np.hypot(x, y * 0.85) / radius), 0, 0.85)
    return np.asarray(share[..., None], np.float32)


@cache
def _streak_layers(rain: float, width: int, height: int) -> tuple[Image, ...]:
    """Draw images of falling drops to add, a margin larger than the camera's; many faint ones far away, a few near."""
    rng = np.random.default_rng(78)
    rows, columns, unit = height + _MARGIN_PX, width + _MARGIN_PX, width / 640
    slant = rng.normal(0, 0.12)
    layers = []
    for _ in range(_LAYERS):
        layer = np.zeros((rows, columns), np.uint8)
        for length_px, level, count, thickness in ((9, 16, 500, 1), (20, 22, 180, 1), (46, 12, 26, 2)):
            for x, y, each in rng.uniform(0, 1, (round(count * rain), 3)):
                start = np.array([x * columns, y * rows])
                end = start + length_px * unit * (0.6 + 0.8 * each) * np.array([slant, 1.0])
                grey = round(level * (0.5 + each))
                ends = [tuple(int(value) for value in point) for point in (start, end)]
                cv2.line(layer, ends[0], ends[1], grey, max(1, round(thickness * unit)), cv2.LINE_AA)
        blurred = cv2.GaussianBlur(layer, (0, 0), 0.7 * max(1.0, unit))
        layers.append(np.asarray(cv2.merge([blurred] * 3), np.uint8))
    return tuple(layers)
