"""Clearance between bodies: where lanes part, a simulation lets them overlap, and an image must not show it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ingest.synthetic.world.traffic import Segment, VehicleKind, Way

BODIES_M: Mapping[VehicleKind, tuple[float, float]] = {
    "car": (4.9, 1.9),
    "van": (5.8, 2.05),
    "truck": (8.2, 2.5),
    "bus": (12.0, 2.55),
    "motorcycle": (2.2, 0.8),
}
"""Length and width of a large model of each kind."""

_EVERY_S = 0.6
_LEAST_M2 = 0.03
_Key = tuple[int, int]


def without_overlaps(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Drop segments from ways until no two bodies overlap; a way that loses all its segments is left out.

    Greedy: always the segment with most overlaps goes, of several the shortest.
    """
    # Step 1: which segments overlap
    foes = _foes(ways)
    gone: set[_Key] = set()
    # Step 2: drop the worst one until none overlap
    while foes:
        worst = max(foes, key=lambda key: (len(foes[key]), -len(ways[key[0]].segments[key[1]].x_m), key))
        gone.add(worst)
        for other in foes.pop(worst):
            foes[other].discard(worst)
            if not foes[other]:
                del foes[other]
    # Step 3: the ways without those
    left = (
        Way(way.vehicle_id, way.kind, way.length_m, tuple(
            segment for place, segment in enumerate(way.segments) if (row, place) not in gone
        ))
        for row, way in enumerate(ways)
    )  # fmt: skip
    return tuple(way for way in left if way.segments)


def _foes(ways: Sequence[Way]) -> dict[_Key, set[_Key]]:
    """Find the segments, (row of the way, place in it), whose bodies overlap at some time, with those they overlap."""
    moments: dict[int, list[tuple[_Key, tuple[float, ...]]]] = defaultdict(list)
    for row, way in enumerate(ways):
        for place, segment in enumerate(way.segments):
            for moment, rectangle in _rectangles(segment, way.kind):
                moments[moment].append(((row, place), rectangle))
    foes: dict[_Key, set[_Key]] = defaultdict(set)
    for present in moments.values():
        rectangles = np.array([rectangle for _, rectangle in present])
        apart_m = np.hypot(*(rectangles[:, None, :2] - rectangles[None, :, :2]).transpose(2, 0, 1))
        lengths_m = rectangles[:, 3]
        near = apart_m < (lengths_m[:, None] + lengths_m[None]) / 2 + 0.5
        for one, other in np.argwhere(np.triu(near, 1)).tolist():
            if overlap_m2(rectangles[one], rectangles[other]) > _LEAST_M2:
                foes[present[one][0]].add(present[other][0])
                foes[present[other][0]].add(present[one][0])
    return dict(foes)


def _rectangles(segment: Segment, kind: VehicleKind) -> list[tuple[int, tuple[float, ...]]]:
    """Rectangle of the body at every moment of a segment: middle, width, length and heading."""
    moments = np.arange(np.ceil(segment.from_s / _EVERY_S - 1e-6), np.floor(segment.to_s / _EVERY_S + 1e-6) + 1)
    poses = segment.poses(moments * _EVERY_S)
    return [
        (int(moment), body_rectangle(tuple(pose), BODIES_M[kind]))
        for moment, pose in zip(moments, poses.tolist(), strict=True)
    ]


def body_rectangle(pose: tuple[float, float, float], size_m: tuple[float, float]) -> tuple[float, ...]:
    """Rectangle of a body seen from above: middle x, y, width, length and heading; `size_m` is (length, width)."""
    x_m, y_m, heading_deg = pose
    turn, half_m = np.radians(heading_deg), size_m[0] / 2
    return x_m + float(np.sin(turn)) * half_m, y_m - float(np.cos(turn)) * half_m, size_m[1], size_m[0], heading_deg


def overlap_m2(one: Sequence[float], other: Sequence[float]) -> float:
    """Area that two bodies share, square metres."""
    met, corners = cv2.rotatedRectangleIntersection(
        ((one[0], one[1]), (one[2], one[3]), one[4]), ((other[0], other[1]), (other[2], other[3]), other[4])
    )
    return float(cv2.contourArea(cv2.convexHull(corners))) if met and corners is not None else 0.0
