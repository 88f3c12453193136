"""Specification of cameras on masts: pose, projection, look and clock."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Pose of a camera: its place, its direction and its field of view.

    The world has x right, y along the road and z up, in metres. `yaw_deg` turns left from the direction of y,
    `pitch_deg` looks down from the horizontal, `fov_deg` is the horizontal field of view.
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_deg: float
    pitch_deg: float
    fov_deg: float


Surroundings = Literal["old-town", "suburb", "open-road", "commercial"]


@dataclass(frozen=True, slots=True)
class Look:
    """Look of a camera's images; what is 0 or empty is off.

    exposure, balance_bgr: gains. noise_sigma: grey levels, in the dark up to `dark_noise` times as much. drift: how far
    exposure and white balance wander within minutes, as a share. flicker: the same from frame to frame. shutter_s: how
    long an image is exposed, which blurs what moves. jitter_px: how far gusts move the image. softness_px: blur of
    the lens. sharpening: how much of the detail is added again. contrast: beyond what the camera sets itself.
    vignette: light missing in the corners. caption: the name written into the image, with the time.
    """

    exposure: float = 1.0
    balance_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_sigma: float = 2.0
    dark_noise: float = 1.0
    drift: float = 0.0
    flicker: float = 0.0
    shutter_s: float = 0.0
    jitter_px: float = 0.0
    softness_px: float = 0.5
    sharpening: float = 1.9
    contrast: float = 1.0
    vignette: float = 0.22
    caption: str = ""


@dataclass(frozen=True, slots=True)
class CameraClock:
    """Error of a camera's clock: seconds ahead of true time at the start, and parts in a million gained since."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0

    def ahead_s(self, time_s: float) -> float:
        """Seconds by which the clock is ahead of true time at `time_s` since the start."""
        return self.offset_s + self.drift_ppm * 1e-6 * time_s


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera of a preset; `seed` draws the surroundings it sees and all that its electronics do.

    width, height: of its images, pixels. fps: frames per second. dark: spans (from_s, to_s) of true time in which it
    sends nothing. surroundings: what stands beside the streets; None leaves it to the place on the map.
    """

    pose: CameraPose
    look: Look
    seed: int
    width: int = 640
    height: int = 360
    fps: int = 10
    clock: CameraClock = CameraClock()
    dark: tuple[tuple[float, float], ...] = ()
    surroundings: Surroundings | None = None

    @property
    def place(self) -> Surroundings:
        """Surroundings beside the streets: as asked for, or the same for all cameras of a neighbourhood."""
        if self.surroundings is not None:
            return self.surroundings
        cell = round(self.pose.x_m / _NEIGHBOURHOOD_M), round(self.pose.y_m / _NEIGHBOURHOOD_M)
        return _PLACES[(cell[0] * 73856093 ^ cell[1] * 19349663) % len(_PLACES)]

    def with_margin(self, margin_px: int) -> "CameraSpec":
        """Extend a camera's image by a margin on each side, its own unchanged in the middle."""
        width = self.width + 2 * margin_px
        half = np.tan(np.radians(self.pose.fov_deg) / 2) * width / self.width
        pose = replace(self.pose, fov_deg=float(np.degrees(2 * np.arctan(half))))
        return replace(self, pose=pose, width=width, height=self.height + 2 * margin_px)


_NEIGHBOURHOOD_M = 220.0
_PLACES: tuple[Surroundings, ...] = (
    "old-town", "suburb", "old-town", "commercial", "old-town", "suburb", "open-road", "old-town", "commercial",
)  # fmt: skip

NEAR_M = 2.5
FAR_M = 260.0
_LEAST_DEPTH_M = 0.3


class Projection:
    """Pinhole projection of a camera for images of one size, square pixels, its image shifted by `shift_px`.

    Pixel coordinates are continuous: (0, 0) is the upper left corner of the image.
    """

    def __init__(self, pose: CameraPose, width: int, height: int, shift_px: tuple[float, float] = (0.0, 0.0)) -> None:
        self.pose = pose
        self.width, self.height = width, height
        self.focal_px = width / 2 / np.tan(np.radians(pose.fov_deg) / 2)
        yaw, pitch = np.radians([pose.yaw_deg, pose.pitch_deg])
        forward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        up = np.cross(right, forward)
        self._axes = np.stack([right, -up, forward])
        self._centre = np.array([pose.x_m, pose.y_m, pose.z_m])
        self._middle = np.array([width / 2, height / 2]) + np.array(shift_px)

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
        return np.asarray(local[:, :2] / depth * self.focal_px + self._middle)

    def ground_homography(self) -> Points:
        """Matrix (3, 3) from ground (x, y, 1) in metres to homogeneous continuous pixels."""
        columns = np.stack([self._axes[:, 0], self._axes[:, 1], -self._axes @ self._centre], axis=1)
        across, down = self._middle
        intrinsics = np.array([[self.focal_px, 0, across], [0, self.focal_px, down], [0, 0, 1]])
        return np.asarray(intrinsics @ columns)
