"""Links between cameras: how many are right, and how many of the true ones were found. Defined in docs/scores.md."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from training.scoring.tracks import MIN_IOU, CameraTracks

VISIT_GAP_S = 10.0
"""A vehicle that is out of a camera's sight for longer comes back as another sighting."""
_Z_95 = 1.959963984540054
"""The standard normal's 97.5th percentile: intervals of 95 %."""


class Visit(NamedTuple):
    """A true sighting: the `number`-th time (from 0) that a vehicle passes a camera (its place among the cameras)."""

    vehicle: int
    camera: int
    number: int


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `trials`, with Wilson's interval [low, high] at 95 %; NaN for a share of nothing."""

    hits: int
    trials: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> "Share":
        low, high = wilson(hits, trials)
        return cls(hits, trials, hits / trials if trials else math.nan, low, high)


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Links of a run against true links.

    precision: right links of all links of the run. recall: found links of all true links. recall_in_view: found links
    of those true links at whose both ends the run has a tracklet of the vehicle; what is missing from 1 was lost by
    association, the rest by perception. skipping: right links that leave out a sighting in between; they find nothing.
    tracklets: of the run, on the scored frames; strays: those of them that follow no vehicle.
    """

    precision: Share
    recall: Share
    recall_in_view: Share
    skipping: int
    tracklets: int
    strays: int


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The score interval of a proportion at 95 %: Wilson 1927, J. Am. Stat. Assoc. 22, p. 209; (0, 1) of no trial."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, _Z_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = _Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (0.0 if hits == 0 else middle - reach), (1.0 if hits == trials else middle + reach)


def score_links(
    cameras: Sequence[CameraTracks], identity_of: Mapping[int, int], *, visit_gap_s: float = VISIT_GAP_S
) -> LinkScores:
    """Compare the links of a run with the true ones.

    The run's ids are tracklets, no two of one camera or of different cameras alike; `identity_of` gives each the
    identity it belongs to, or leaves it out where it belongs to none. True ids are vehicles, the same in all cameras.
    """
    visits = [_visits(camera, place, visit_gap_s) for place, camera in enumerate(cameras)]
    visit_of: dict[int, Visit | None] = {}
    for camera, of_camera in zip(cameras, visits, strict=True):
        visit_of |= _followed(camera, of_camera)
    starts = _starts(cameras)
    run_links = _links((identity_of[each], start, place, each) for each, (start, place) in starts.items() if each in identity_of)
    true_links = _links(
        (visit.vehicle, start, visit.camera, visit) for of_camera in visits for visit, start in _first_times(of_camera).items()
    )
    right = [
        (before, after)
        for before, after in ((visit_of[left], visit_of[right]) for left, right in run_links)
        if before is not None and after is not None and before.vehicle == after.vehicle and before != after
    ]
    truth = set(true_links)
    found = truth & set(right)
    covered = set(visit_of.values())
    in_view = [link for link in true_links if link[0] in covered and link[1] in covered]
    return LinkScores(
        precision=Share.of(len(right), len(run_links)),
        recall=Share.of(len(found), len(truth)),
        recall_in_view=Share.of(len(found), len(in_view)),
        skipping=sum(link not in truth for link in right),
        tracklets=len(visit_of),
        strays=sum(visit is None for visit in visit_of.values()),
    )


@dataclass(frozen=True, slots=True)
class _CameraVisits:
    """Which visit each true box belongs to, by row, and when each visit begins (seconds)."""

    by_row: list[Visit]
    begins_s: dict[Visit, float]


def _visits(camera: CameraTracks, place: int, gap_s: float) -> _CameraVisits:
    times_s = _times(camera, camera.truth.frames)
    by_row: dict[int, Visit] = {}
    begins_s: dict[Visit, float] = {}
    latest: dict[int, tuple[float, Visit]] = {}
    for row in np.argsort(camera.truth.frames, kind="stable").tolist():
        vehicle, now_s = int(camera.truth.ids[row]), times_s[row]
        seen_s, visit = latest.get(vehicle, (-math.inf, Visit(vehicle, place, -1)))
        if now_s - seen_s > gap_s:
            visit = Visit(vehicle, place, visit.number + 1)
            begins_s[visit] = now_s
        latest[vehicle] = (now_s, visit)
        by_row[row] = visit
    return _CameraVisits([by_row[row] for row in range(len(by_row))], begins_s)


def _first_times(visits: _CameraVisits) -> dict[Visit, float]:
    return visits.begins_s


def _followed(camera: CameraTracks, visits: _CameraVisits) -> dict[int, Visit | None]:
    """By tracklet: the visit it follows, where more than half of its boxes stand for one vehicle."""
    hits: dict[int, Counter[Visit]] = defaultdict(Counter)
    for true_at, run_at, similarity in camera.pairs():
        near = np.where(similarity >= MIN_IOU, similarity, 0)
        for row, column in zip(*linear_sum_assignment(near, maximize=True), strict=True):
            if near[row, column] > 0:
                hits[int(camera.run.ids[run_at[column]])][visits.by_row[true_at[row]]] += 1
    followed: dict[int, Visit | None] = {}
    for tracklet, boxes in Counter(camera.run.ids.tolist()).items():
        vehicles = Counter[int]()
        for visit, count in hits[tracklet].items():
            vehicles[visit.vehicle] += count
        vehicle, most = vehicles.most_common(1)[0] if vehicles else (0, 0)
        of_vehicle = [(count, visit) for visit, count in hits[tracklet].items() if visit.vehicle == vehicle]
        followed[tracklet] = max(of_vehicle)[1] if 2 * most > boxes else None
    return followed


def _starts(cameras: Sequence[CameraTracks]) -> dict[int, tuple[float, int]]:
    """By tracklet: when its first box was captured (seconds), and the place of its camera."""
    starts: dict[int, tuple[float, int]] = {}
    for place, camera in enumerate(cameras):
        for each, now_s in zip(camera.run.ids.tolist(), _times(camera, camera.run.frames), strict=True):
            known_s, known_place = starts.get(each, (math.inf, place))
            if known_place != place:
                raise ValueError(f"tracklet {each} is in camera '{cameras[known_place].camera}' and in '{camera.camera}'")
            starts[each] = (min(known_s, now_s), place)
    return starts


def _times(camera: CameraTracks, frames: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[float]:
    """When frames of a camera were captured, seconds."""
    return [float(each) for each in camera.times_s[np.searchsorted(camera.frames, frames)]]


def _links[Sighting](sightings: Iterable[tuple[int, float, int, Sighting]]) -> list[tuple[Sighting, Sighting]]:
    """Consecutive sightings of one owner in different cameras, from (owner, start, camera, sighting)."""
    ...
