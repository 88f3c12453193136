"""Light on the ground of a plate: shade of the scenery, pools under street lamps, mirrors of a wet road."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.scene.canvas import Field, GroundCanvas
from ingest.synthetic.scene.scene_object import SceneObject
from ingest.synthetic.world.weather import Weather

SHADE_BGR = (0.60, 0.54, 0.50)
"""Share of the light that is left in the shade."""

_TONES_BGR: dict[str, tuple[float, float, float]] = {
    "sun": (1.0, 1.0, 1.0), "overcast": (1.0, 0.98, 0.97), "dusk": (0.54, 0.49, 0.48), "night": (0.21, 0.19, 0.19),
}  # fmt: skip
_SODIUM_BGR = np.array((0.42, 0.74, 1.0), np.float32)
_WHITE_BGR = np.array((0.95, 1.0, 1.0), np.float32)


def tone_of(weather: Weather) -> NDArray[np.float32]:
    """Tone (3,) BGR of things in the light of the sky, 1 by day."""
    tone = np.array(_TONES_BGR[weather.light], np.float32)
    if weather.light == "sun" and not weather.sunny:
        tone = np.array(_TONES_BGR["overcast"], np.float32)
    return np.asarray(tone * (1 - 0.12 * weather.rain), np.float32)


def shade_on_ground(objects: Sequence[SceneObject], canvas: GroundCanvas, weather: Weather) -> Field:
    """Shade on the ground, (rows, W) float32 from 0 to 1 where the sun does not reach."""
    mask = canvas.blank()
    if not weather.sunny:
        return mask.astype(np.float32)
    slope = np.array(weather.sun[:2]) / weather.sun[2]
    for scene_object in objects:
        for points in scene_object.blocks:
            fallen = (points[:, :2] - points[:, 2:3] * slope).astype(np.float32)
            canvas.fill(mask, [cv2.convexHull(fallen)[:, 0].astype(np.float64)])
    soft = cv2.GaussianBlur(mask, (0, 0), max(1.0, canvas.width / 900))
    return np.asarray(soft.astype(np.float32) / 255, np.float32)


def lamp_light(objects: Sequence[SceneObject], canvas: GroundCanvas, *, white: bool) -> Field:
    """Light of street lamps on the ground, (rows, W, 3) float32 BGR, about 1 below a lamp."""
    rows, columns = canvas.shape
    x_m, y_m = (cv2.resize(each, (columns // 4, rows // 4)) for each in (canvas.x_m, canvas.y_m))
    light = np.zeros_like(x_m)
    for lamp_m in (scene_object.lamp_m for scene_object in objects if scene_object.lamp_m is not None):
        distance2 = (x_m - np.float32(lamp_m[0])) ** 2 + (y_m - np.float32(lamp_m[1])) ** 2
        height = np.float32(lamp_m[2])
        light += (height**2 / (distance2 + height**2)) ** 2.0
    light = cv2.resize(light, (columns, rows))
    return np.asarray(light[..., None] * (_WHITE_BGR if white else _SODIUM_BGR), np.float32)


def lamp_shine(image: Image, objects: Sequence[SceneObject], canvas: GroundCanvas, *, white: bool) -> None:
    """Add the glare of the lamps themselves, in place."""
    projection = canvas.projection
    for lamp_m in (scene_object.lamp_m for scene_object in objects if scene_object.lamp_m is not None):
        if projection.depth_m(lamp_m[None])[0] < 4:
            continue
        x, y = projection.pixels(lamp_m[None])[0]
        radius = 0.9 * projection.focal_px / float(projection.depth_m(lamp_m[None])[0])
        if not (-radius < x < canvas.width + radius and -radius < y < canvas.height + radius):
            continue
        left, top = max(0, int(x - radius)), max(0, int(y - radius))
        part = image[top : int(y + radius) + 1, left : int(x + radius) + 1]
        if not part.size:
            continue
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        distance = np.hypot(columns - x, rows - y) / radius
        halo = 300 * np.clip(1 - distance, 0, 1) ** 2.5 + 255 * (distance < 0.22)
        shine = halo[..., None] * (_WHITE_BGR if white else _SODIUM_BGR)
        part[:] = np.clip(part + shine, 0, 255).astype(np.uint8)


def mirror_in_wet(
    image: Image, foreground: NDArray[np.uint8], canvas: GroundCanvas, weather: Weather, rng: np.random.Generator
) -> Image:
    """Mirror the scenery behind the ground in it, as a new (H, W, 3) uint8 image.

    foreground: (H, W) uint8, 255 where no ground is seen.
    """
    # Step 1: for each pixel of ground, the row as far above the scenery's foot as the pixel is below it
    height, width = image.shape[:2]
    ground = foreground < 128
    rows = np.arange(height)[:, None]
    edge = np.where(ground, -1, rows)
    above = np.maximum.accumulate(edge, axis=0)
    mirrored = np.clip(2 * above - rows, 0, height - 1).astype(np.float32)
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None], (height, width))
    # Step 2: the mirrored image, rippled and blurred, most of all vertically
    ripple = np.zeros((height, width), np.float32)
    ripple[canvas.horizon_row :] = 2.0 * canvas.noise(6.0, 0.8)
    seen = cv2.remap(image, columns + ripple, mirrored, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    seen = cv2.GaussianBlur(seen, (0, 0), sigmaX=width / 400, sigmaY=width / 130)
    # Step 3: blend it in: more in puddles, at grazing angles, and in heavy rain
    share = np.zeros((height, width), np.float32)
    puddles = np.clip(0.5 + 0.5 * canvas.noise(28.0, 1.3), 0.12, 1)
    grazing = np.clip(1.15 - 1.2 * np.sin(np.arctan2(canvas.projection.pose.z_m, canvas.away_m)), 0.2, 1)
    share[canvas.horizon_row :] = 0.42 * puddles * grazing * (0.6 + 0.4 * weather.rain)
    share *= ground & (above > 0)
    mixed = image + share[..., None] * (seen.astype(np.float32) - 0.75 * image)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)
