"""The ground a camera looks at: asphalt, markings, pavements and verges, painted as seen from above."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.cameras import Projection
from ingest.synthetic.traffic import Road

_PX_PER_M = 26
_HALF_WIDTH_M = 24.0
_LENGTH_M = 84.0
PAVEMENT_M = 3.8
"""Width of the pavements."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """From metres, x across the road and y ahead of `from_y_m`, to pixels seen from above."""

    from_y_m: float

    @property
    def shape(self) -> tuple[int, int]:
        return int(_LENGTH_M * _PX_PER_M), int(2 * _HALF_WIDTH_M * _PX_PER_M)

    def column(self, x_m: float) -> int:
        return int((x_m + _HALF_WIDTH_M) * _PX_PER_M)

    def row(self, ahead_m: float) -> int:
        return int((_LENGTH_M - ahead_m) * _PX_PER_M)

    def pixels_to_ground(self) -> NDArray[np.float64]:
        """(3, 3): pixel centres to (x_m, y_m)."""
        step = 1 / _PX_PER_M
        return np.array(
            [
                [step, 0, step / 2 - _HALF_WIDTH_M],
                [0, -step, self.from_y_m + _LENGTH_M - step / 2],
                [0, 0, 1],
            ]
        )


def picture_of_ground(road: Road, projection: Projection, rng: np.random.Generator) -> Image:
    """The ground as the camera sees it, (H, W, 3) uint8 BGR, filling the whole picture."""
    plan = _Plan(projection.pose.y_m)
    above = _paint(road, plan, rng)
    to_pixel_centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    matrix = to_pixel_centres @ projection.ground_homography() @ plan.pixels_to_ground()
    size = (projection.width, projection.height)
    picture = cv2.warpPerspective(above, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)


def texture_noise(
    rng: np.random.Generator, shape: tuple[int, int], layers: tuple[tuple[int, float], ...]
) -> NDArray[np.float32]:
    """Smooth noise (H, W) float32: the sum of layers of (grain in pixels, standard deviation)."""
    height, width = shape
    noise = np.zeros(shape, np.float32)
    for grain, sigma in layers:
        coarse = rng.standard_normal((max(2, height // grain), max(2, width // grain)), np.float32) * sigma
        noise += coarse if grain == 1 and coarse.shape == shape else cv2.resize(coarse, (width, height))
    return noise


def _paint(road: Road, plan: _Plan, rng: np.random.Generator) -> Image:
    height, width = plan.shape
    image = np.empty((height, width, 3), np.uint8)
    asphalt = np.array((128, 126, 123.0)) * rng.uniform(0.8, 1.12)
    verge = np.array(((56, 92, 80.0), (130, 138, 142.0))[int(rng.random() < 0.5)])
    edge_m = 2 * road.lane_width_m
    bands = ((_HALF_WIDTH_M, verge), (edge_m + PAVEMENT_M, (150, 155, 158)), (edge_m + 0.3, (165, 168, 170)),
             (edge_m, asphalt))  # fmt: skip
    for reach_m, colour in bands:
        image[:, plan.column(-reach_m) : plan.column(reach_m)] = np.round(colour)
    _lay_slabs(image, plan, edge_m)
    _wear(image, plan, edge_m, asphalt, road, rng)
    grain = texture_noise(rng, (height, width), ((1, 7), (4, 5), (24, 6), (120, 6)))
    cv2.add(image, cv2.merge([np.round(grain)] * 3), dst=image, dtype=cv2.CV_8U)
    _mark(image, plan, road, rng)
    return image


def _lay_slabs(image: Image, plan: _Plan, edge_m: float) -> None:
    """Joints of the paving."""
    inner, outer = edge_m + 0.3, edge_m + PAVEMENT_M
    for low, high in ((-outer, -inner), (inner, outer)):
        for ahead_m in range(int(_LENGTH_M)):
            image[plan.row(ahead_m) - 1, plan.column(low) : plan.column(high)] -= 22
        for x_m in np.arange(low, high, 0.9):
            image[:, plan.column(x_m)] -= 16


def _wear(
    image: Image,
    plan: _Plan,
    edge_m: float,
    asphalt: NDArray[np.float64],
    road: Road,
    rng: np.random.Generator,
) -> None:
    """Wheel tracks, oil, patches, cracks, manholes."""
    for lane_m in (road.lane_x_m(forward, outer) for forward in (True, False) for outer in (True, False)):
        for offset_m, darker in ((-0.8, 7), (0.8, 7), (0.0, 9)):
            middle = plan.column(lane_m + offset_m)
            image[:, middle - 6 : middle + 6] -= darker
    for _ in range(9):
        x, ahead = rng.uniform(-edge_m, edge_m - 2.6), rng.uniform(0, _LENGTH_M - 7)
        tone = np.round(np.clip(asphalt + rng.normal(0, 13), 30, 220))
        to = plan.row(ahead), plan.column(x + rng.uniform(0.6, 2.5))
        image[plan.row(ahead + rng.uniform(1, 6)) : to[0], plan.column(x) : to[1]] = tone
    for _ in range(12):
        steps = np.cumsum(rng.normal(0, 0.5, (13, 2)) + np.array([0, 0.25]), axis=0)
        path = steps + np.array([rng.uniform(-6, 6), rng.uniform(0, _LENGTH_M)])
        points = np.array([[plan.column(x), plan.row(y)] for x, y in path], np.int32)
        cv2.polylines(image, [points], False, tuple(float(v) for v in asphalt * 0.62), 1, cv2.LINE_AA)
    for _ in range(5):
        middle_px = plan.column(rng.uniform(-5.5, 5.5)), plan.row(rng.uniform(5, 70))
        cv2.circle(image, middle_px, int(0.33 * _PX_PER_M), (60, 60, 62), -1, cv2.LINE_AA)


def _mark(image: Image, plan: _Plan, road: Road, rng: np.random.Generator) -> None:
    """Lane lines, edge lines and, at times, a crossing, worn in places."""
    mask = np.zeros(plan.shape, np.float32)
    lane_m, edge_m = road.lane_width_m, 2 * road.lane_width_m - 0.3

    def paint(x_m: float, width_m: float, from_m: float, to_m: float) -> None:
        left, right = plan.column(x_m - width_m / 2), plan.column(x_m + width_m / 2) + 1
        mask[max(0, plan.row(to_m)) : plan.row(from_m), left:right] = 1

    for start_m in range(0, int(_LENGTH_M), 6):
        for x_m in (-lane_m, lane_m):
            paint(x_m, 0.12, start_m, start_m + 2)
        paint(0.0, 0.16, start_m, start_m + 4)
    for x_m in (-edge_m, edge_m):
        paint(x_m, 0.10, 0, _LENGTH_M)
    if rng.random() < 0.5:
        at_m = rng.uniform(20, 42)
        for x_m in np.arange(-edge_m + 0.3, edge_m, 1.2):
            paint(x_m + 0.3, 0.6, at_m, at_m + 3)
    mask *= np.clip(0.9 + texture_noise(rng, plan.shape, ((2, 0.15), (12, 0.12))), 0, 1)
    rows, columns = np.nonzero(mask)
    weight = mask[rows, columns, None]
    image[rows, columns] = np.round(image[rows, columns] * (1 - weight) + np.array((214, 218, 220)) * weight)
