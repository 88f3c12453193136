"""Sightings, true ones and those of a run, and the vehicle that a tracklet follows; defined in docs/scores.md."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from training.scoring.tracks import MIN_IOU, VISIT_GAP_S, CameraTracks


@dataclass(frozen=True, slots=True)
class Sighting:
    """An unbroken stay in one camera: whose (a vehicle's id, or the tracklet's own), where, and from when to when."""

    owner: int
    camera: str
    begins_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class Sightings:
    """visits: of the vehicles. tracklets: by id. visit_of: by tracklet, the place of the visit it follows, or None."""

    visits: list[Sighting]
    tracklets: dict[int, Sighting]
    visit_of: dict[int, int | None]

    def vehicle_of(self, tracklet: int) -> int | None:
        """The vehicle that a tracklet follows; None for a stray; raises KeyError for one on no scored frame."""
        visit = self.visit_of[tracklet]
        return None if visit is None else self.visits[visit].owner


def sightings_of(cameras: Sequence[CameraTracks], *, visit_gap_s: float = VISIT_GAP_S) -> Sightings:
    """All sightings on the scored frames.

    The run's ids are tracklets: each of one camera, none of two (ValueError). True ids are vehicles, the same in all
    cameras.
    """
    visits: list[Sighting] = []
    tracklets: dict[int, Sighting] = {}
    visit_of: dict[int, int | None] = {}
    for camera in cameras:
        visit_by_row = _add_visits(visits, camera, visit_gap_s)
        visit_of |= _followed(camera, visit_by_row, visits)
        _add_tracklets(tracklets, camera)
    return Sightings(visits, tracklets, visit_of)


def _add_visits(visits: list[Sighting], camera: CameraTracks, gap_s: float) -> dict[int, int]:
    """Append the visits of a camera's vehicles; returns, by row of its truth, the visit's place in the list."""
    by_row: dict[int, int] = {}
    latest: dict[int, tuple[float, int]] = {}
    owners: list[int] = []
    begins_s: list[float] = []
    ends_s: list[float] = []
    times_s = camera.times_s[np.searchsorted(camera.frames, camera.truth.frames)]
    for row in np.argsort(camera.truth.frames, kind="stable").tolist():
        vehicle, now_s = int(camera.truth.ids[row]), float(times_s[row])
        before_s, place = latest.get(vehicle, (-math.inf, -1))
        if now_s - before_s > gap_s:
            place = len(owners)
            owners.append(vehicle)
            begins_s.append(now_s)
            ends_s.append(now_s)
        ends_s[place] = now_s
        latest[vehicle] = (now_s, place)
        by_row[row] = len(visits) + place
    visits += [Sighting(who, camera.camera, *span) for who, *span in zip(owners, begins_s, ends_s, strict=True)]
    return by_row


def _add_tracklets(tracklets: dict[int, Sighting], camera: CameraTracks) -> None:
    """Note when each of a camera's tracklets begins and ends."""
    ids, place = np.unique(camera.run.ids, return_inverse=True)
    times_s = camera.times_s[np.searchsorted(camera.frames, camera.run.frames)]
    firsts_s, lasts_s = np.full(len(ids), np.inf), np.full(len(ids), -np.inf)
    np.minimum.at(firsts_s, place, times_s)
    np.maximum.at(lasts_s, place, times_s)
    for each, first_s, last_s in zip(ids.tolist(), firsts_s.tolist(), lasts_s.tolist(), strict=True):
        if each in tracklets:
            raise ValueError(f"tracklet {each} is in camera '{tracklets[each].camera}' and in '{camera.camera}'")
        tracklets[each] = Sighting(each, camera.camera, first_s, last_s)


def _followed(camera: CameraTracks, visit_by_row: dict[int, int], visits: list[Sighting]) -> dict[int, int | None]:
    """Map tracklets to the visit they follow, or None where no vehicle has more than half of the boxes."""
    hits: dict[int, Counter[int]] = defaultdict(Counter)
    for true_at, run_at, similarity in camera.pairs():
        near = np.where(similarity >= MIN_IOU, similarity, 0)
        for row, column in zip(*linear_sum_assignment(near, maximize=True), strict=True):
            if near[row, column] > 0:
                hits[int(camera.run.ids[run_at[column]])][visit_by_row[int(true_at[row])]] += 1
    followed: dict[int, int | None] = {}
    for tracklet, boxes in Counter(camera.run.ids.tolist()).items():
        of_vehicle: Counter[int] = Counter()
        for visit, count in hits[tracklet].items():
            of_vehicle[visits[visit].owner] += count
        owner = next((each for each, count in of_vehicle.items() if 2 * count > boxes), None)
        # Of that vehicle's visits the one with the most boxes, the first of equals.
        own = [visit for visit in hits[tracklet] if visits[visit].owner == owner]
        followed[tracklet] = max(own, key=lambda visit: (hits[tracklet][visit], -visit), default=None)
    return followed
