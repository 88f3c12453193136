"""Canvas of the ground plane in an image: shapes on the map, and fine texture at every distance."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.world.paths import cut
from ingest.synthetic.world.streets import Line

Field = NDArray[np.float32]

_FAR_M = 420.0
_NEAR_M = 1.0
_TILE_PX = 512


class GroundCanvas:
    """Canvas of the ground of one image. Shapes are projected and filled there, so lines are sharp at any distance.

    horizon_row: the first row that shows ground. x_m, y_m: (rows, W) float32 the place on the ground that each pixel of
    the rows from there on shows. away_m: (rows, 1) float32 how far that is. px_per_m: (rows, 1) float32 pixels that a
    metre of ground away from the camera takes.
    """

    def __init__(self, projection: Projection, rng: np.random.Generator) -> None:
        self.projection = projection
        self.height, self.width = projection.height, projection.width
        pose = projection.pose
        down = (np.arange(self.height) + 0.5 - self.height / 2) / projection.focal_px
        sine, cosine = np.sin(np.radians(pose.pitch_deg)), np.cos(np.radians(pose.pitch_deg))
        drop = sine + down * cosine
        self.horizon_row = int(np.argmax(drop > pose.z_m / _FAR_M)) if (drop > pose.z_m / _FAR_M).any() else self.height
        drop, down = drop[self.horizon_row :, None], down[self.horizon_row :, None]
        depth = pose.z_m / drop
        ahead = depth * (cosine - down * sine)
        across = depth * ((np.arange(self.width) + 0.5 - self.width / 2) / projection.focal_px)[None]
        yaw = np.radians(pose.yaw_deg)
        self.x_m = (pose.x_m - np.sin(yaw) * ahead + np.cos(yaw) * across).astype(np.float32)
        self.y_m = (pose.y_m + np.cos(yaw) * ahead + np.sin(yaw) * across).astype(np.float32)
        self.away_m = depth.astype(np.float32)
        self.px_per_m = (projection.focal_px * drop**2 / pose.z_m).astype(np.float32)
        self._homography = projection.ground_homography()
        self._planes = self._view_planes()
        self._start = rng.uniform(0, 1, 2)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows from the horizon on, and of columns."""
        return self.height - self.horizon_row, self.width

    def blank(self) -> NDArray[np.uint8]:
        """Make an empty mask of the ground's rows."""
        return np.zeros(self.shape, np.uint8)

    def fill(self, mask: NDArray[np.uint8], polygons: list[Line], level: int = 255) -> NDArray[np.uint8]:
        """Fill polygons (N, 2) on the map into a mask, in place."""
        for polygon in polygons:
            outline = self.outline(polygon)
            if outline is not None:
                cv2.fillPoly(mask, [outline], level, cv2.LINE_AA, 4)
        return mask

    def draw(self, mask: NDArray[np.uint8], line: Line, level: int = 255, thickness: int = 1) -> None:
        """Draw a thin line (N, 2) on the map into a mask, in place, unless a part is behind the camera."""
        pixels, depth = self._pixels(line)
        if len(pixels) and depth.min() > _NEAR_M and np.abs(pixels).max() < 16000:
            points = np.round((pixels - [0, self.horizon_row]) * 16).astype(np.int32)
            cv2.polylines(mask, [points], False, level, thickness, cv2.LINE_AA, 4)

    def outline(self, polygon: Line) -> NDArray[np.int32] | None:
        """Project the part of a polygon in view to pixels of the ground's rows, sixteenths; None when there is none."""
        points: NDArray[np.floating] = np.asarray(polygon, np.float64)
        for plane in self._planes:
            distance = points @ plane[:2] + plane[2]
            points = cut(points, distance)
            if len(points) < 3:
                return None
        pixels, _ = self._pixels(points)
        if (pixels[:, 1] < self.horizon_row).all() or (pixels[:, 1] > self.height).all():
            return None
        return np.round((pixels - [0, self.horizon_row]) * 16).astype(np.int32)

    def noise(self, tile_m: float, grain: float) -> Field:
        """Project noise (rows, W) of standard deviation 1 onto the ground, where it repeats after `tile_m`.

        grain: how fine, from 0, even down to a 512th of the tile, to 3, only its coarse part.
        """
        scale, shift_m = np.float32(_TILE_PX / tile_m), (self._start * tile_m).astype(np.float32)
        left = (self.x_m - self.x_m.min() + shift_m[0]) * scale % np.float32(_TILE_PX)
        top = (self.y_m - self.y_m.min() + shift_m[1]) * scale % np.float32(_TILE_PX)
        return np.asarray(cv2.remap(_tile(grain), left, top, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)

    def fading(self, grain_m: float) -> Field:
        """Visibility of grains of a size, (rows, 1): 1 where each has its pixels, less where several share one."""
        return np.asarray(np.clip(self.px_per_m * grain_m * 2, 0, 1), np.float32)

    def _pixels(self, points: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        local = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ self._homography.T
        depth = local[:, 2]
        return local[:, :2] / np.maximum(depth, 1e-6)[:, None], depth

    def _view_planes(self) -> list[NDArray[np.float64]]:
        """Lines on the ground (a, b, c), a x + b y + c >= 0 in view: before the camera, near enough, not far aside."""
        pose = self.projection.pose
        depth = self._homography[2].copy()
        near = depth - np.array([0, 0, _NEAR_M])
        yaw = np.radians(pose.yaw_deg)
        ahead = np.array([-np.sin(yaw), np.cos(yaw)])
        here = np.array([pose.x_m, pose.y_m])
        far = np.array([-ahead[0], -ahead[1], ahead @ here + 3 * _FAR_M])
        aside = []
        slope = self.width / self.projection.focal_px * 1.5
        right = np.array([ahead[1], -ahead[0]])
        for side in (right, -right):
            normal = side + slope * ahead
            aside.append(np.array([normal[0], normal[1], 6.0 - normal @ here]))
        return [near, far, *aside]


@cache
def _tile(grain: float) -> Field:
    """Draw a periodic image of noise (512, 512), mean 0 and deviation 1: the larger `grain`, the coarser."""
    rng = np.random.default_rng(round(grain * 100) + 5)
    waves = np.fft.rfft2(rng.standard_normal((_TILE_PX, _TILE_PX)))
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(_TILE_PX), np.fft.fftfreq(_TILE_PX)))
    frequency[0, 0] = 1
    noise = np.fft.irfft2(waves / np.maximum(frequency, 4 / _TILE_PX) ** grain, (_TILE_PX, _TILE_PX))
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)
