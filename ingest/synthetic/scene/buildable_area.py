"""Buildable area around a camera: off the streets, out of the camera's sight of them, not twice."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.scene.markings import drivable, sides
from ingest.synthetic.world.paths import strip
from ingest.synthetic.world.streets import Lane, Line, Streets

REACH_M = 150.0
_CELL_M = 0.5
_CLEAR_SIGHT_M = 48.0
"""Distance up to which streets must not be hidden by houses, as long as the camera looks at them."""

_FREE_VIEW_M = 17.0
_AROUND_M = 38.0
_PIECE = 4


class BuildableArea:
    """Raster of the surroundings of a camera: where something may be built.

    lanes: the lanes for vehicles within reach. sides: their outer sides.
    """

    def __init__(self, streets: Streets, pose: CameraPose) -> None:
        self.pose = pose
        self._here = np.array([pose.x_m, pose.y_m])
        self.lanes = [lane for lane in drivable(streets) if self._away_m(lane.centre_m).min() < REACH_M]
        self.sides = sides(self.lanes)
        self._cells = int(2 * REACH_M / _CELL_M)
        road = self._blank()
        for lane in self.lanes:
            self._fill(road, strip(lane.centre_m, lane.width_m / 2, -lane.width_m / 2))
        for polygon in streets.junctions:
            self._fill(road, polygon)
        self._road_m = cv2.distanceTransform(255 - road, cv2.DIST_L2, 5) * _CELL_M
        self._clear, self._sight = self._blank(), self._blank()
        for lane in self.lanes:
            self._see(lane)
        self._taken = self._blank()

    def matters(self, point: Line) -> bool:
        """Test for a place (2,) at which an object may be in the image, or throw its shadow there."""
        to = point - self._here
        away_m = float(np.linalg.norm(to))
        yaw, half = np.radians(self.pose.yaw_deg), np.radians(self.pose.fov_deg / 2 + 14)
        return away_m < _AROUND_M or float(to @ [-np.sin(yaw), np.cos(yaw)]) > np.cos(half) * away_m

    def free(self, polygon: Line, from_road_m: float, *, tall: bool = False) -> bool:
        """Test for a convex polygon (N, 2) at least `from_road_m` from carriageways, and apart from all that was built.

        tall: it would hide streets near the camera if it stood before them, so it must not.
        """
        if self._in_the_way(polygon) or self._away_m(polygon).max() > REACH_M - 2:
            return False
        window, mask = self._raster(polygon)
        inside = mask > 0
        if not inside.any() or self._road_m[window][inside].min() < from_road_m or self._taken[window][inside].any():
            return False
        return not (tall and self.hides_street(polygon))

    def take(self, polygon: Line) -> None:
        """Mark a polygon as built on."""
        self._fill(self._taken, polygon)

    def hides_street(self, polygon: Line) -> bool:
        """Test for a convex polygon on which something tall would stand before a street near the camera."""
        window, mask = self._raster(polygon)
        return bool(self._clear[window][mask > 0].any())

    def before_streets(self, polygon: Line) -> bool:
        """Test for a convex polygon on which an object may hide a vehicle."""
        window, mask = self._raster(polygon)
        return bool(self._sight[window][mask > 0].any())

    def road_distance_m(self, point: NDArray[np.float64]) -> float:
        """Distance from a place within reach to the nearest carriageway, metres."""
        column, row = np.clip(self._to_cells(point[None])[0], 0, self._cells - 1).astype(int)
        return float(self._road_m[row, column])

    def _in_the_way(self, polygon: Line) -> bool:
        """Test for a polygon right before the camera, where an object would fill the image, or at its mast."""
        to = np.concatenate([polygon, polygon.mean(0, keepdims=True)]) - self._here
        away_m = np.linalg.norm(to, axis=1)
        yaw, half = np.radians(self.pose.yaw_deg), np.radians(self.pose.fov_deg / 2 + 4)
        cosine = to @ np.array([-np.sin(yaw), np.cos(yaw)]) / np.maximum(away_m, 1e-6)
        return bool((away_m < 2.0).any() or ((away_m < _FREE_VIEW_M) & (cosine > np.cos(half))).any())

    def _away_m(self, points: Line) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(points - self._here, axis=1))

    def _see(self, lane: Lane) -> None:
        """Mark the ground between the camera and the parts of a lane that it looks at."""
        yaw, half = np.radians(self.pose.yaw_deg), np.radians(self.pose.fov_deg / 2 + 2)
        ahead = np.array([-np.sin(yaw), np.cos(yaw)])
        for first in range(0, len(lane.centre_m) - 1, _PIECE):
            line = lane.centre_m[first : first + _PIECE + 1]
            to = line - self._here
            away_m = np.linalg.norm(to, axis=1)
            cosine = to @ ahead / np.maximum(away_m, 1e-6)
            if len(line) < 2 or away_m.min() > REACH_M or not (cosine > np.cos(half)).any():
                continue
            body = strip(line, lane.width_m / 2 + 0.6, -lane.width_m / 2 - 0.6)
            seen = cv2.convexHull(np.concatenate([body, self._here[None]]).astype(np.float32))[:, 0].astype(float)
            self._fill(self._sight, seen)
            if away_m.min() < _CLEAR_SIGHT_M:
                self._fill(self._clear, seen)

    def _blank(self) -> NDArray[np.uint8]:
        return np.zeros((self._cells, self._cells), np.uint8)

    def _to_cells(self, points: Line) -> Line:
        return np.asarray((points - self._here + REACH_M) / _CELL_M)

    def _fill(self, mask: NDArray[np.uint8], polygon: Line) -> None:
        cells = np.round(np.clip(self._to_cells(np.asarray(polygon)), -9000, 9000) * 16).astype(np.int32)
        cv2.fillPoly(mask, [cells], 255, cv2.LINE_8, 4)

    def _raster(self, polygon: Line) -> tuple[tuple[slice, slice], NDArray[np.uint8]]:
        """Window of the raster around a polygon, and the polygon as a mask of it."""
        cells = self._to_cells(polygon)
        low = np.clip(np.floor(cells.min(0)) - 1, 0, self._cells).astype(int)
        high = np.clip(np.ceil(cells.max(0)) + 1, low, self._cells).astype(int)
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        if mask.size:
            cv2.fillConvexPoly(mask, np.round((cells - low) * 16).astype(np.int32), 255, cv2.LINE_8, 4)
        return (slice(low[1], high[1]), slice(low[0], high[0])), mask
