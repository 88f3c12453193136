"""Camera placement: on masts beside the carriageway, where many vehicles pass that other cameras see too."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.camera.visibility import axes, in_sight, reach_m
from ingest.synthetic.world.map_ends import map_ends
from ingest.synthetic.world.streets import Lane, Line, Streets
from ingest.synthetic.world.traffic import VEHICLE_KINDS

CLEAR_M = 0.5
"""Least room between a mast and the nearest lane or junction, metres."""

NEAR_VIEW_M, FAR_VIEW_M = 11.0, 42.0
"""Range ahead in which a camera sees vehicles 24 px and higher at 640x360, with the pitch and focal lengths drawn."""

MAPPED_M = 110.0
"""Range ahead of a camera within which its streets must be on the map."""

_EVERY_M = 14.0
_MOST_SUDDEN = 0.03
_AIM_M = 25.0
_MOST_CANDIDATES = 500
_GAIN = np.array([0.25, 1.0, 0.9, 0.6, 0.4, 0.25, 0.15, 0.1])


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Survey of traffic: the places of vehicles, moment by moment, while they moved.

    vehicle: (N,) int64 numbers; kind: (N,) int64 places in KINDS; time_s: (N,); places_m: (N, 2) x, y. still_m: (S, 2)
    where vehicles stood, once for every few seconds. ends_m: (E, 2) where vehicles began or ended meanwhile;
    ends_kind: (E,) int64.
    """

    vehicle: NDArray[np.int64]
    kind: NDArray[np.int64]
    time_s: NDArray[np.float64]
    places_m: NDArray[np.float64]
    still_m: NDArray[np.float64]
    ends_m: NDArray[np.float64]
    ends_kind: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlacementRequest:
    """The cameras to place.

    count: how many. spacing_m: least distance between two, and most distance of each from the nearest other.
    overlap: whether the last one is to look at what another one sees, from elsewhere. corridor: cameras one after the
    other along one way, numbered as most of the traffic passes them; spacing_m is then from one to the next.
    """

    count: int
    spacing_m: tuple[float, float] = (100.0, 800.0)
    overlap: bool = False
    corridor: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Candidate: a camera that may stand there, and the rows of the survey that it sees."""

    pose: CameraPose
    seen: NDArray[np.int64]

    def distance_m(self, other: "Candidate") -> float:
        return float(np.hypot(self.pose.x_m - other.pose.x_m, self.pose.y_m - other.pose.y_m))


def place_cameras(
    streets: Streets, survey: Survey, request: PlacementRequest, rng: np.random.Generator
) -> tuple[CameraPose, ...]:
    """Place cameras one after the other, greedily; raises ConfigError when there is no room for that many."""
    # Step 1: all masts that may stand, those that see most vehicles first
    candidates = find_candidates(streets, survey, rng)
    chosen: list[Candidate] = []
    views = np.zeros(int(survey.vehicle.max(initial=0)) + 1, np.int64)
    # Step 2: choose the fitting candidate that adds most, given the views that each vehicle has by now
    for number in range(request.count):
        overlapping = request.overlap and number == request.count - 1
        fitting = [each for each in candidates if _fits(each, chosen, request, overlapping)]
        if not fitting:
            raise no_room(number, request)
        best = max(fitting, key=lambda each: _gain(vehicles_of(each, survey), views))
        chosen.append(best)
        views[vehicles_of(best, survey)] += 1
    return tuple(each.pose for each in chosen)


def no_room(number: int, request: PlacementRequest) -> ConfigError:
    """Make the error for a place with room for only `number` cameras."""
    return ConfigError(
        f"There is room for {number} cameras beside the traffic, not for {request.count}: "
        "ask for fewer, or draw longer or denser traffic"
    )


class Carriageways:
    """Carriageways, on which no mast may stand: the lanes for vehicles, and the junctions."""

    def __init__(self, streets: Streets) -> None:
        lanes = [lane for lane in streets.lanes if lane.kind != "walk"]
        self._starts_m = np.concatenate([lane.centre_m[:-1] for lane in lanes])
        self._steps_m = np.concatenate([np.diff(lane.centre_m, axis=0) for lane in lanes])
        self._halves_m = np.concatenate([np.full(len(lane.centre_m) - 1, lane.width_m / 2) for lane in lanes])
        self._junctions = [outline.astype(np.float32) for outline in streets.junctions]
        self._low_m = np.array([outline.min(0) for outline in streets.junctions]).reshape(-1, 2)
        self._high_m = np.array([outline.max(0) for outline in streets.junctions]).reshape(-1, 2)

    def clear_of(self, x_m: float, y_m: float, clear_m: float = CLEAR_M) -> bool:
        """Test for a place beside all lanes and outside all junctions, by at least `clear_m`."""
        place = np.array([x_m, y_m])
        length2 = np.maximum((self._steps_m**2).sum(1), 1e-9)
        share = np.clip(((place - self._starts_m) * self._steps_m).sum(1) / length2, 0, 1)[:, None]
        off_m = np.linalg.norm(self._starts_m + share * self._steps_m - place, axis=1)
        if (off_m - self._halves_m).min() < clear_m:
            return False
        close = ((place > self._low_m - clear_m) & (place < self._high_m + clear_m)).all(1)
        outlines = (self._junctions[row] for row in np.flatnonzero(close))
        return not any(cv2.pointPolygonTest(outline, (x_m, y_m), True) > -clear_m for outline in outlines)


class _Places:
    """Index of points in the order of x, so that those near a place are found without asking all."""

    def __init__(self, places_m: NDArray[np.float64]) -> None:
        self._rows = np.argsort(places_m[:, 0])
        self._places_m = places_m[self._rows]

    def within(self, place_m: NDArray[np.float64], reach_m: float) -> NDArray[np.int64]:
        """Rows of the points within `reach_m` of a place."""
        first, last = np.searchsorted(self._places_m[:, 0], [place_m[0] - reach_m, place_m[0] + reach_m])
        off_m = self._places_m[first:last] - place_m
        return self._rows[first:last][np.hypot(off_m[:, 0], off_m[:, 1]) <= reach_m]


def find_candidates(streets: Streets, survey: Survey, rng: np.random.Generator) -> list[Candidate]:
    """Find the cameras that see most vehicles, the best one first."""
    found = sorted(_candidates(streets, survey, rng), key=lambda each: -len(vehicles_of(each, survey)))
    return found[:_MOST_CANDIDATES]


def _candidates(streets: Streets, survey: Survey, rng: np.random.Generator) -> Iterator[Candidate]:
    """Candidates that may stand, see something, and do not see where the map or vehicles end."""
    places, carriageways, ends_m = _Places(survey.places_m), Carriageways(streets), map_ends(streets)
    for lane, side in _kerbs(streets):
        length_m = float(np.linalg.norm(np.diff(lane.centre_m, axis=0), axis=1).sum())
        for at_m in np.arange(rng.uniform(4, _EVERY_M), length_m - 3, _EVERY_M):
            for ahead in (1, -1):
                # Step 1: a mast every few metres, looking along the street either way
                pose = _pose(lane, side, float(at_m), ahead, rng)
                if not len(places.within(np.array([pose.x_m, pose.y_m]), 12.0)):
                    continue
                # Step 2: off the carriageway, and without the map's end in view
                if in_sight(pose, ends_m, MAPPED_M).any() or not carriageways.clear_of(pose.x_m, pose.y_m):
                    continue
                # Step 3: with vehicles in view, few of which appear or vanish there
                each = Candidate(pose, _rows_in_view(pose, survey, places))
                if len(each.seen) and _ends_in_sight(pose, survey) <= _MOST_SUDDEN * len(vehicles_of(each, survey)):
                    yield each


def _kerbs(streets: Streets) -> Iterator[tuple[Lane, int]]:
    """Outermost lanes of each edge, with the side on which a mast may stand: 1 right, -1 left."""
    edges: dict[str, list[Lane]] = {}
    for lane in streets.lanes:
        if lane.kind != "walk":
            edges.setdefault(lane.edge, []).append(lane)
    for lanes in edges.values():
        yield min(lanes, key=lambda lane: lane.place), 1
        yield max(lanes, key=lambda lane: lane.place), -1


def _pose(lane: Lane, side: int, at_m: float, ahead: int, rng: np.random.Generator) -> CameraPose:
    """Draw a pose on a mast beside a lane, looking along it with the traffic (ahead 1) or against it (-1)."""
    middle, along = _point_at(lane.centre_m, at_m)
    outwards = np.array([along[1], -along[0]]) * side
    place = middle + outwards * (lane.width_m / 2 + rng.uniform(1.0, 2.0))
    aim, along = _point_at(lane.centre_m, at_m + ahead * _AIM_M)
    aim = aim - np.array([along[1], -along[0]]) * side * rng.uniform(0.5, 3.5)
    look = aim - place
    yaw_deg = np.degrees(np.arctan2(-look[0], look[1]))
    height_m, fov_deg = rng.uniform(6.2, 8.8), rng.uniform(42, 56)
    pitch_deg = rng.uniform(17, 22) + (height_m - 7.5) * 1.2
    values = (*place, height_m, yaw_deg, pitch_deg, fov_deg)
    return CameraPose(*(round(float(value), 2) for value in values))


def _point_at(line: Line, at_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Point of a polyline after `at_m` metres, and the direction there; straight on beyond its ends."""
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    steps, lengths, starts = steps[lengths > 0], lengths[lengths > 0], line[:-1][lengths > 0]
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    row = max(0, int(np.searchsorted(before, at_m, side="right")) - 1)
    along = steps[row] / lengths[row]
    return starts[row] + along * (at_m - before[row]), along


def _rows_in_view(pose: CameraPose, survey: Survey, places: _Places) -> NDArray[np.int64]:
    right, forward = axes(pose.yaw_deg)
    feet = np.array([pose.x_m, pose.y_m])
    rows = places.within(feet + forward * (FAR_VIEW_M / 2), FAR_VIEW_M * 0.72)
    offset = survey.places_m[rows] - feet
    depth_m, aside_m = offset @ forward, np.abs(offset @ right)
    inside = (depth_m > NEAR_VIEW_M) & (depth_m < FAR_VIEW_M)
    inside &= aside_m < depth_m * np.tan(np.radians(pose.fov_deg / 2)) * 0.9
    return np.sort(rows[inside])


def _ends_in_sight(pose: CameraPose, survey: Survey) -> int:
    """Number of times that a vehicle appears or vanishes before a camera, near enough to be noticed."""
    reaches_m = np.array([reach_m(pose, kind) for kind in VEHICLE_KINDS])
    return int(in_sight(pose, survey.ends_m, reaches_m[survey.ends_kind]).sum())


def vehicles_of(candidate: Candidate, survey: Survey) -> NDArray[np.int64]:
    return np.unique(survey.vehicle[candidate.seen])


def _gain(vehicles: NDArray[np.int64], views: NDArray[np.int64]) -> float:
    """Gain of a camera: little for vehicles that no other one sees, much for those seen once or twice."""
    return float(_GAIN[np.minimum(views[vehicles], len(_GAIN) - 1)].sum())


def _fits(each: Candidate, chosen: list[Candidate], request: PlacementRequest, overlapping: bool) -> bool:
    if not chosen:
        return True
    distances = [each.distance_m(other) for other in chosen]
    shares = [
        len(np.intersect1d(each.seen, other.seen, assume_unique=True)) / min(len(each.seen), len(other.seen))
        for other, distance in zip(chosen, distances, strict=True)
        if distance < 2 * FAR_VIEW_M
    ]
    if overlapping:
        return min(distances) > 20 and sum(share > 0.3 for share in shares) == 1
    least_m, most_m = request.spacing_m
    return min(distances) >= least_m and min(distances) <= most_m and max(shares, default=0) < 0.02
