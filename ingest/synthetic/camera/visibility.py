"""Visibility: the range at which a camera sees bodies of each kind, and vehicles that appear or vanish in its view."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.passages import boxes
from ingest.synthetic.camera.spec import CameraPose, Points, Projection
from ingest.synthetic.world.clearance import BODIES_M
from ingest.synthetic.world.streets import Line
from ingest.synthetic.world.traffic import Segment, VehicleKind, Way

HEIGHTS_M: Mapping[VehicleKind, float] = {"car": 1.85, "van": 2.75, "truck": 3.9, "bus": 4.4, "motorcycle": 1.75}
"""Height of the highest model of each kind."""

LEAST_PX = 14.0
"""Height of a body, in an image 360 pixels high, below which it may appear and vanish."""

_WIDTH_PX, _LINES, _MOST_LINES = 640, 360, 480
_BEHIND_M, _ASIDE_M = 12.0, 18.0
_SPARE_M = 6.0
_Key = tuple[int, int]


def focal_px(pose: CameraPose) -> float:
    """Focal length in an image of 640x360, pixels."""
    return float(_WIDTH_PX / 2 / np.tan(np.radians(pose.fov_deg / 2)))


def reach_m(pose: CameraPose, kind: VehicleKind) -> float:
    """Range ahead of a camera in which a body of a kind is followed: until all of it is lower than LEAST_PX."""
    # Seen from above a body's length adds to its height in the image: a second estimate of the range includes it.
    length_m = BODIES_M[kind][0]
    upright_m = focal_px(pose) * HEIGHTS_M[kind] / LEAST_PX
    slanted_m = focal_px(pose) * (HEIGHTS_M[kind] + length_m * pose.z_m / upright_m) / LEAST_PX
    return slanted_m + length_m + _SPARE_M


def farthest_m(poses: Sequence[CameraPose]) -> float:
    """Longest range ahead of any of the cameras in which any body is followed."""
    return max(reach_m(pose, kind) for pose in poses for kind in HEIGHTS_M)


def axes(yaw_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (2,) to the right of and ahead of a camera, on the map."""
    yaw = np.radians(yaw_deg)
    return np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])


def area_ahead(pose: CameraPose, reach_m: float) -> Line:
    """(4, 2) polygon around all that a camera may show, or that casts a shadow into its image."""
    spread = np.tan(np.radians(pose.fov_deg / 2))
    corners = [(-_ASIDE_M, -_BEHIND_M), (_ASIDE_M, -_BEHIND_M)]
    corners += [(_ASIDE_M + spread * reach_m, reach_m), (-_ASIDE_M - spread * reach_m, reach_m)]
    right, forward = axes(pose.yaw_deg)
    feet = np.array([pose.x_m, pose.y_m])
    return np.array([feet + right * aside + forward * ahead for aside, ahead in corners])


def near_any(poses: Sequence[CameraPose], places_m: Line, kinds: Sequence[VehicleKind]) -> NDArray[np.bool_]:
    """(N,) bool, True for bodies, front bumpers at (N, 2) places, that are to be followed for any of the cameras.

    kinds: N, one a body.
    """
    near = np.zeros(len(places_m), bool)
    for pose in poses:
        reaches_m = {kind: reach_m(pose, kind) for kind in set(kinds)}
        depth_m, aside_m = _seen_from(pose, places_m)
        spread = np.tan(np.radians(pose.fov_deg / 2))
        inside = (depth_m > -_BEHIND_M) & (aside_m < _ASIDE_M + spread * np.maximum(depth_m, 0))
        near |= inside & (depth_m < np.array([reaches_m[kind] for kind in kinds]))
    return near


def in_sight(
    pose: CameraPose, places_m: Line, reach_m: float | NDArray[np.float64], spare_m: float = 4.0
) -> NDArray[np.bool_]:
    """(N,) bool, True for places (N, 2) on the ground in view of a camera or up to `spare_m` beside it.

    reach_m: how far ahead, one for all or (N,).
    """
    depth_m, aside_m = _seen_from(pose, places_m)
    spread = np.tan(np.radians(pose.fov_deg / 2))
    return np.asarray((depth_m > 0) & (depth_m < reach_m) & (aside_m < depth_m * spread + spare_m))


def without_sudden(ways: Sequence[Way], poses: Sequence[CameraPose], until_s: float) -> tuple[Way, ...]:
    """Drop from ways the segments that begin or end, between 0 and `until_s`, where a camera would show it.

    A way that loses all its segments is left out.
    """
    gone = set(_sudden(ways, poses, until_s))
    left = (
        Way(way.vehicle_id, way.kind, way.length_m, tuple(
            segment for place, segment in enumerate(way.segments) if (row, place) not in gone
        ))
        for row, way in enumerate(ways)
    )  # fmt: skip
    return tuple(way for way in left if way.segments)


def _sudden(ways: Sequence[Way], poses: Sequence[CameraPose], until_s: float) -> Iterator[_Key]:
    # Step 1: the ends of all segments within the time, by kind of vehicle
    ends: dict[VehicleKind, list[tuple[_Key, tuple[float, float, float]]]] = {}
    for row, way in enumerate(ways):
        for place, segment in enumerate(way.segments):
            of_kind = ends.setdefault(way.kind, [])
            of_kind += [((row, place), pose) for pose in _loose_ends(segment, until_s)]
    # Step 2: those of them that a camera shows as high as LEAST_PX
    for kind, found in ends.items():
        at = np.array([pose for _, pose in found]).reshape(-1, 3)
        for pose in poses:
            yield from (found[row][0] for row in np.flatnonzero(_shown(at, kind, pose)).tolist())


def _loose_ends(segment: Segment, until_s: float) -> Iterator[tuple[float, float, float]]:
    """Poses of the ends of a segment, but for those at the beginning and the end of the time."""
    for row, time_s in ((0, segment.from_s), (-1, segment.to_s)):
        if 0.3 < time_s < until_s - 0.5:
            yield float(segment.x_m[row]), float(segment.y_m[row]), float(segment.heading_deg[row])


def _shown(poses: NDArray[np.float64], kind: VehicleKind, camera: CameraPose) -> NDArray[np.bool_]:
    """(N,) bool, True where a body of a kind at (N, 3) poses can be in an image, as high as LEAST_PX or higher."""
    rise = Projection(camera, _WIDTH_PX, _MOST_LINES)
    low, high, reachable = boxes(_corners(kind), poses, rise)
    inside = reachable & (high > 0).all(1) & (low < np.array([_WIDTH_PX, _MOST_LINES])).all(1)
    return np.asarray(inside & ((high - low)[:, 1] >= LEAST_PX))


def _corners(kind: VehicleKind) -> Points:
    length_m, width_m = BODIES_M[kind]
    half_m = width_m / 2
    return np.array([(x, y, z) for x in (-half_m, half_m) for y in (-length_m, 0.0) for z in (0.0, HEIGHTS_M[kind])])


def _seen_from(pose: CameraPose, places_m: Line) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances of places (N, 2) ahead of a camera and aside from its axis, (N,) metres each."""
    right, forward = axes(pose.yaw_deg)
    offset = places_m - np.array([pose.x_m, pose.y_m])
    return offset @ forward, np.abs(offset @ right)
