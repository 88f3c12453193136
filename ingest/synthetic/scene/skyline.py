"""Skyline of a view: sky, hills, rows of trees and roofs far away."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import Surroundings
from ingest.synthetic.scene.canvas import Field, GroundCanvas
from ingest.synthetic.scene.markings import within_lanes
from ingest.synthetic.world.streets import Lane
from ingest.synthetic.world.weather import Weather

_SKIES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "sun": ((226, 190, 152), (236, 228, 218)), "overcast": ((206, 202, 198), (226, 224, 222)),
    "dusk": ((120, 84, 72), (128, 140, 196)), "night": ((30, 24, 22), (44, 42, 50)),
}  # fmt: skip
_BELTS: dict[Surroundings, tuple[tuple[float, float, tuple[int, int, int]], ...]] = {
    "old-town": ((330.0, 22.0, (150, 158, 172)), (170.0, 13.0, (112, 140, 176))),
    "suburb": ((360.0, 24.0, (128, 136, 128)), (165.0, 9.0, (52, 84, 76))),
    "open-road": ((400.0, 46.0, (150, 146, 130)), (190.0, 11.0, (58, 86, 76))),
    "commercial": ((340.0, 20.0, (150, 152, 152)), (160.0, 10.0, (128, 132, 136))),
}
"""Belts of far things from the back: distance and height in metres, colour BGR."""


def paint_skyline(
    image: Field, surroundings: Surroundings, weather: Weather, canvas: GroundCanvas, lanes: list[Lane],
    tone: NDArray[np.float32], rng: np.random.Generator,
) -> None:  # fmt: skip
    """Paint sky and far things into an image (H, W, 3) float32 BGR whose ground is painted, in place."""
    height = canvas.height
    high, low = (np.array(each, np.float32) for each in _SKIES[weather.light])
    if weather.light == "sun" and not weather.sunny:
        high, low = (np.array(each, np.float32) for each in _SKIES["overcast"])
    fall = np.linspace(0, 1, max(1, canvas.horizon_row), dtype=np.float32)[:, None, None] ** 0.7
    image[: canvas.horizon_row] = high + (low - high) * fall[: canvas.horizon_row]
    haze = np.clip((canvas.away_m - 90) / 500, 0, 0.5)[..., None]
    image[canvas.horizon_row :] += haze * (low * 0.9 - image[canvas.horizon_row :])
    for far_m, tall_m, colour in _BELTS[surroundings]:
        mask = _belt(canvas, far_m, tall_m, lanes, surroundings in ("old-town", "commercial"), rng)
        grain = cv2.resize(rng.standard_normal((height // 3, canvas.width // 3)).astype(np.float32), mask.shape[::-1])
        belt = np.array(colour, np.float32) * (1 + 0.16 * grain[..., None]) * tone
        belt += min(0.6, far_m / 700) * (low * 0.9 - belt)
        image += (mask.astype(np.float32) / 255)[..., None] * (belt - image)


def _belt(
    canvas: GroundCanvas, far_m: float, tall_m: float, lanes: list[Lane], roofs: bool, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw the mask of a belt at a distance, with gaps where streets lead through, (H, W) uint8."""
    pose = canvas.projection.pose
    angles = np.radians(np.linspace(pose.yaw_deg + pose.fov_deg * 0.8, pose.yaw_deg - pose.fov_deg * 0.8, 240))
    base = np.stack([pose.x_m - np.sin(angles) * far_m, pose.y_m + np.cos(angles) * far_m], 1)
    if roofs:
        steps = np.repeat(rng.uniform(0.55, 1.3, 60), 4)
    else:
        steps = 0.9 + 0.25 * np.interp(np.arange(240), np.arange(0, 240, 4), rng.standard_normal(60))
        steps = steps + 0.06 * rng.standard_normal(240)
    open_ = within_lanes(base, lanes, 7.0)
    low = canvas.projection.pixels(np.concatenate([base, np.zeros((240, 1))], 1))
    top = canvas.projection.pixels(np.concatenate([base, (tall_m * np.maximum(steps, 0.2))[:, None]], 1))
    mask = np.zeros((canvas.height, canvas.width), np.uint8)
    for left in range(239):
        if not open_[left] and not open_[left + 1]:
            quad = np.round(np.stack([low[left], low[left + 1], top[left + 1], top[left]]) * 16).astype(np.int32)
            cv2.fillConvexPoly(mask, quad, 255, cv2.LINE_AA, 4)
    return mask
