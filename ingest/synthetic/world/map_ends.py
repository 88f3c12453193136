"""Ends of a map: lanes that lead nowhere because what lies beyond was not mapped."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.world.streets import Line, Streets

_TOUCHES_M = 4.0
_SAME_SIDE = np.cos(np.radians(75))


def map_ends(streets: Streets) -> Line:
    """Find the ends (N, 2) of lanes for vehicles that meet no junction, or one that has no other arm."""
    places_m, outwards = _lane_ends(streets)
    free = np.ones(len(places_m), bool)
    for outline in streets.junctions:
        near = ((places_m > outline.min(0) - _TOUCHES_M) & (places_m < outline.max(0) + _TOUCHES_M)).all(1)
        polygon = outline.astype(np.float32)
        rows = [row for row in np.flatnonzero(near).tolist() if _touches(polygon, places_m[row])]
        if (outwards[rows] @ outwards[rows].T < _SAME_SIDE).any():
            free[rows] = False
    return places_m[free]


def _lane_ends(streets: Streets) -> tuple[Line, Line]:
    """First and last points of all lanes, (N, 2), and the directions in which the lanes lead away from there."""
    lines = [lane.centre_m for lane in streets.lanes if lane.kind != "walk"]
    lines += [line[::-1] for line in lines]
    steps = np.array([line[1] - line[0] for line in lines]).reshape(-1, 2)
    lengths_m = np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9)
    return np.array([line[0] for line in lines]).reshape(-1, 2), steps / lengths_m


def _touches(polygon: NDArray[np.float32], place_m: NDArray[np.float64]) -> bool:
    return cv2.pointPolygonTest(polygon, (float(place_m[0]), float(place_m[1])), True) > -_TOUCHES_M
