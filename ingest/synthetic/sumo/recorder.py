"""Recorder of ways: from a vehicle's front bumper at every step of a simulation to even steps without gaps."""

import math
from array import array
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.sumo.demand import LENGTHS_M
from ingest.synthetic.sumo.program import Spot
from ingest.synthetic.world.traffic import STEP_S, Segment, VehicleKind, Way

REAR_AXLES_M: Mapping[VehicleKind, float] = {"car": 3.5, "van": 4.2, "truck": 5.9, "bus": 8.6, "motorcycle": 1.7}
"""Distance from the front bumper to the rear axle, which follows it."""

_MOST_STEP_M = 4.0
_LEAST_POINTS = 6
_LEAP_M = 0.1
_CAUGHT_UP_S = 2.0
_SMOOTHINGS = 3
_Points = NDArray[np.float64]


class Recorder:
    """Recorder of all vehicles of a simulation; `step_s` must go into STEP_S a whole number of times."""

    def __init__(self, begin_s: float, step_s: float) -> None:
        self._begin_s, self._step_s = begin_s, step_s
        self._courses: dict[str, _Course] = {}

    def take(self, spots: list[Spot]) -> None:
        """Take in the next spots, in the order of time; recorded times count from `begin_s` on."""
        for spot in spots:
            time_s = round(spot.time_s - self._begin_s, 3)
            course = self._courses.get(spot.vehicle)
            if course is None:
                course = self._courses[spot.vehicle] = _Course(len(self._courses) + 1, spot.kind)
            course.follow(time_s, spot, self._step_s)

    def ways(self) -> Iterator[Way]:
        """Finish and yield the ways, in the order of first appearance; call it once, at the end."""
        for course in self._courses.values():
            course.end()
            if course.segments:
                yield Way(course.vehicle_id, course.kind, LENGTHS_M[course.kind], tuple(course.segments))


class _Course:
    """Course of one vehicle while it is followed."""

    def __init__(self, vehicle_id: int, kind: VehicleKind) -> None:
        self.vehicle_id, self.kind = vehicle_id, kind
        self.segments: list[Segment] = []
        self._time_s, self._at = -math.inf, (0.0, 0.0)
        self._from_s = self._heading_deg = 0.0
        self._places = array("d")

    def follow(self, time_s: float, spot: Spot, step_s: float) -> None:
        """Take in the next step; after a gap or a jump a new segment begins."""
        moved_m = math.hypot(spot.x_m - self._at[0], spot.y_m - self._at[1])
        if time_s - self._time_s > 1.5 * step_s or moved_m > _MOST_STEP_M:
            self.end()
        self._time_s, self._at = time_s, (spot.x_m, spot.y_m)
        place = time_s / STEP_S
        if abs(place - round(place)) > 1e-3:
            return
        if not self._places:
            self._from_s, self._heading_deg = round(place) * STEP_S, spot.heading_deg
        self._places.extend(self._at)

    def end(self) -> None:
        """Close the present segment, dropping one that is too short to be of use."""
        places_m = np.array(self._places).reshape(-1, 2)
        self._places = array("d")
        if len(places_m) >= _LEAST_POINTS:
            self.segments.append(settle(self._from_s, places_m, self._heading_deg, REAR_AXLES_M[self.kind]))


def settle(from_s: float, places_m: _Points, heading_deg: float, rear_axle_m: float) -> Segment:
    """Make a segment from (T, 2) places of a front bumper, the first heading, and the distance to the rear axle."""
    # Step 1: headings, from a rear axle that is drawn behind the bumper
    headings_deg = _headings_deg(places_m, heading_deg, rear_axle_m)
    # Step 2: places without leaps back, and headings anew where there were any
    calm_m = _without_leaps(places_m, headings_deg)
    if calm_m is not places_m:
        headings_deg = _headings_deg(calm_m, heading_deg, rear_axle_m)
    # Step 3: smooth the headings
    for _ in range(_SMOOTHINGS):
        headings_deg = np.convolve(np.pad(headings_deg, 1, mode="edge"), np.full(3, 1 / 3), "valid")
    return Segment(from_s, calm_m[:, 0].copy(), calm_m[:, 1].copy(), headings_deg)


def _headings_deg(places_m: _Points, heading_deg: float, rear_axle_m: float) -> _Points:
    """Headings (T,) in degrees of a body whose rear axle is drawn behind its front bumper, without jumps at 360."""
    turn = math.radians(heading_deg)
    rear_x, rear_y = places_m[0, 0] + math.sin(turn) * rear_axle_m, places_m[0, 1] - math.cos(turn) * rear_axle_m
    headings = array("d")
    for x_m, y_m in places_m.tolist():
        ahead_x, ahead_y = x_m - rear_x, y_m - rear_y
        gap_m = math.hypot(ahead_x, ahead_y)
        if gap_m > 0.1:
            share = rear_axle_m / gap_m
            rear_x, rear_y = x_m - ahead_x * share, y_m - ahead_y * share
            now_deg = math.degrees(math.atan2(-ahead_x, ahead_y))
            heading_deg += (now_deg - heading_deg + 180) % 360 - 180
        headings.append(heading_deg)
    return np.array(headings)


def _without_leaps(places_m: _Points, headings_deg: _Points) -> _Points:
    """Remove leaps back, which vehicles make where lanes of a network overlap.

    They roll on instead, and are where they should be 2 s later.
    """
    turns = np.radians(headings_deg[:-1])
    steps_m = np.diff(places_m, axis=0)
    leaps = np.flatnonzero(steps_m[:, 1] * np.cos(turns) - steps_m[:, 0] * np.sin(turns) < -_LEAP_M)
    if not len(leaps):
        return places_m
    calm_m = places_m.copy()
    for row in leaps.tolist():
        lost_m = steps_m[max(row - 1, 0)] - steps_m[row]
        left = 1 - np.arange(len(places_m) - row - 1) * STEP_S / _CAUGHT_UP_S
        calm_m[row + 1 :] += lost_m * np.maximum(left, 0)[:, None]
    return calm_m
