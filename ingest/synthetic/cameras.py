"""Cameras on masts: where they stand, how they project, and how their pictures look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where a camera is and what it looks at.

    The world has x right, y along the road and z up, in metres. `yaw_deg` turns left from the direction of y,
    `pitch_deg` looks down from the horizontal, `fov_deg` is the horizontal field of view.
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_deg: float
    pitch_deg: float
    fov_deg: float


@dataclass(frozen=True, slots=True)
class Look:
    """How a camera takes the light: exposure and white balance are gains, noise is grey levels."""

    exposure: float = 1.0
    balance_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_sigma: float = 2.0


@dataclass(frozen=True, slots=True)
class CameraClock:
    """How wrong a camera's clock is: it shows `time + offset_s + drift_ppm * time / 1e6`."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera of a preset; `seed` draws the surroundings it sees and all that its electronics do.

    width, height: of its pictures, pixels. fps: frames per second. dark: spans (from_s, to_s) of true time in which it
    sends nothing.
    """

    pose: CameraPose
    look: Look
    seed: int
    width: int = 640
    height: int = 360
    fps: int = 10
    clock: CameraClock = CameraClock()
    dark: tuple[tuple[float, float], ...] = ()


NEAR_M = 2.5
FAR_M = 260.0
_LEAST_DEPTH_M = 0.3


class Projection:
    """The pinhole of a camera for pictures of one size, square pixels, centred.

    Pixel coordinates are continuous: (0, 0) is the upper left corner of the picture.
    """

    def __init__(self, pose: CameraPose, width: int, height: int) -> None:
        self.pose = pose
        self.width, self.height = width, height
        self.focal_px = width / 2 / np.tan(np.radians(pose.fov_deg) / 2)
        yaw, pitch = np.radians([pose.yaw_deg, pose.pitch_deg])
        forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        up = np.cross(right, forward)
        self._axes = np.stack([right, -up, forward])
        self._centre = np.array([pose.x_m, pose.y_m, pose.z_m])

    @property
    def vertical_fov_deg(self) -> float:
        """Vertical field of view in degrees."""
        return float(np.degrees(2 * np.arctan(self.height / 2 / self.focal_px)))

    def depth_m(self, points_m: Points) -> Points:
        """Distances (N,) of (N, 3) world points in front of the camera's plane."""
        return np.asarray((points_m - self._centre) @ self._axes[2])

    def pixels(self, points_m: Points) -> Points:
        """Pixels (N, 2) of (N, 3) world points. Points less than 0.3 m ahead end up far outside."""
        local = (points_m - self._centre) @ self._axes.T
        depth = np.maximum(local[:, 2:3], _LEAST_DEPTH_M)
        middle = np.array([self.width / 2, self.height / 2])
        return np.asarray(local[:, :2] / depth * self.focal_px + middle)

    def ground_homography(self) -> Points:
        """The (3, 3) matrix from ground (x, y, 1) in metres to homogeneous continuous pixels."""
        columns = np.stack([self._axes[:, 0], self._axes[:, 1], -self._axes @ self._centre], axis=1)
        intrinsics = np.array([[self.focal_px, 0, self.width / 2], [0, self.focal_px, self.height / 2], [0, 0, 1]])
        return np.asarray(intrinsics @ columns)
