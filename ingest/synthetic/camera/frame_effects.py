"""Effects on a camera's images from frame to frame: gusts, exposure, rain, noise, the caption."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.caption import Caption
from ingest.synthetic.camera.look import Noise, scatter
from ingest.synthetic.camera.rain import Rain
from ingest.synthetic.camera.spec import CameraSpec
from ingest.synthetic.scene.background import scale_of
from ingest.synthetic.world.weather import Weather

_GUST_S = (0.31, 0.53, 1.7)
_WANDER_S = (11.0, 29.0, 83.0)


@dataclass(frozen=True, slots=True)
class EffectState:
    """State of a camera at one frame.

    steps: movement of the image by the mast to the right and down, in pixels of the plate; shift_px: the same in
    pixels of the image. gains_bgr: on top of the camera's own exposure and white balance.
    """

    sequence: int
    steps: tuple[int, int]
    shift_px: tuple[float, float]
    gains_bgr: tuple[float, float, float]


class FrameEffects:
    """Effects of one camera that change from frame to frame; all follow from its seed and the frame's number."""

    def __init__(self, spec: CameraSpec, weather: Weather) -> None:
        look = spec.look
        self._spec = spec
        self._scale = scale_of(spec)
        self.margin_px = int(np.ceil(look.jitter_px)) + 1 if look.jitter_px else 0
        rng = np.random.default_rng((spec.seed, 77))
        self._phases = rng.uniform(0, 2 * np.pi, (5, 3))
        self._noise = Noise(spec.seed, look.noise_sigma, look.dark_noise, spec.width, spec.height)
        self._rain = Rain(weather.rain, spec) if weather.rain else None
        self._caption = Caption(spec, weather) if look.caption else None

    def state(self, sequence: int) -> EffectState:
        """Compute the camera's state at frame `sequence`."""
        look, time_s = self._spec.look, sequence / self._spec.fps
        steps = (0, 0)
        if look.jitter_px:
            gust = 0.3 + 0.7 * max(0.0, self._wave(0, time_s, (3.1, 7.7, 19.0)))
            reach = look.jitter_px * gust * self._scale
            across, down = (round(reach * self._wave(row, time_s, _GUST_S)) for row in (1, 2))
            steps = (across, down)
        gains = np.ones(3)
        if look.drift:
            gains += look.drift * self._wave(3, time_s, _WANDER_S)
            gains += look.drift * 0.5 * self._wave(4, time_s, _WANDER_S) * np.array([1.0, 0.0, -1.0])
        if look.flicker:
            gains += look.flicker * (scatter((self._spec.seed << 24) ^ sequence) % 2001 / 1000 - 1)
        shift_px = steps[0] / self._scale, steps[1] / self._scale
        return EffectState(sequence, steps, shift_px, (float(gains[0]), float(gains[1]), float(gains[2])))

    def finish(self, image: Image, state: EffectState) -> Image:
        """Finish the composed image as the camera delivers it, as a new array."""
        if state.gains_bgr != (1.0, 1.0, 1.0):
            image = np.asarray(cv2.LUT(image, _gain_table(state.gains_bgr)), np.uint8)
        if self._rain is not None:
            image = self._rain.fall(image, state.sequence)
        image = self._noise.add(image, state.sequence)
        if self._caption is not None:
            self._caption.write(image, state.sequence)
        return image

    def _wave(self, row: int, time_s: float, periods_s: tuple[float, float, float]) -> float:
        """Value of a slow random motion at a time, in [-1, 1]."""
        angles = 2 * np.pi * time_s / np.array(periods_s) + self._phases[row]
        return float(np.sin(angles).mean())


def _gain_table(gains_bgr: tuple[float, float, float]) -> NDArray[np.uint8]:
    levels = np.arange(256)[:, None] * np.array(gains_bgr)
    return np.asarray(np.clip(np.round(levels), 0, 255)[:, None, :], np.uint8)
