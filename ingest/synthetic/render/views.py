"""The cameras of a preset side by side, as one image."""

from pathlib import Path

import cv2
import numpy as np

from ingest.errors import ConfigError
from ingest.frame import Image
from ingest.synthetic.camera.spec import NEAR_M, CameraSpec, Projection
from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.world.presets import Preset, timetable_of

_MOMENTS = 60
_CLOSE_M = 25.0
_GAP_PX = 4


def sheet_of_cameras(preset: Preset, *, columns: int, tile_px: int) -> Image:
    """Render a tile for each camera, at a moment with much traffic: (H, W, 3) BGR.

    Tiles are `tile_px` wide and 9/16 of that high, in rows of `columns`.
    """
    height = tile_px * 9 // 16
    rows = -(-len(preset.cameras) // columns)
    sheet = np.full((rows * (height + _GAP_PX), columns * (tile_px + _GAP_PX), 3), 255, np.uint8)
    for number, spec in enumerate(preset.cameras):
        row, column = divmod(number, columns)
        top, left = row * (height + _GAP_PX), column * (tile_px + _GAP_PX)
        renderer = CameraRenderer(preset, spec)
        try:
            image, _ = renderer.render(_busy_frame(preset, spec))
        finally:
            renderer.close()
        sheet[top : top + height, left : left + tile_px] = _tile(image, tile_px, height, str(number))
    return sheet


def save_png(path: Path, image: Image) -> None:
    """Write an image of (H, W, 3) BGR; raises ConfigError where that cannot be done."""
    done, data = cv2.imencode(".png", image)
    assert done
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror} (name another file with --out)") from error


def _busy_frame(preset: Preset, spec: CameraSpec) -> int:
    """Find the frame, among _MOMENTS, with most vehicles in front of the camera; close ones count for more."""
    projection = Projection(spec.pose, spec.width, spec.height)
    frames = np.linspace(0, preset.frame_count(spec) - 1, _MOMENTS).astype(int).tolist()
    worth = []
    for frame in frames:
        poses = [trip.pose(frame / spec.fps) for trip in timetable_of(preset).near(frame / spec.fps)]
        fronts_m = np.array([(pose[0], pose[1], 0.7) for pose in poses if pose is not None]).reshape(-1, 3)
        depth_m, pixels = projection.depth_m(fronts_m), projection.pixels(fronts_m)
        inside = ((pixels >= 0) & (pixels < (spec.width, spec.height))).all(1) & (depth_m > NEAR_M)
        worth.append(float(np.minimum(1, _CLOSE_M / depth_m[inside]).sum()))
    return int(frames[int(np.argmax(worth))])


def _tile(image: Image, width: int, height: int, label: str) -> Image:
    """Fit an image into (height, width), with its label in the corner."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile = np.full((height, width, 3), 255, np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    at = (left + 6, top + 20)
    cv2.putText(tile, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(tile, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return tile
