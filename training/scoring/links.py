"""Links between cameras: how many are right, and how many of the true ones were found; defined in docs/scores.md."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from training.scoring.tracks import MIN_IOU, VISIT_GAP_S, CameraTracks

_Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: two-sided intervals of 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `trials` with Wilson's interval [low, high] at 95 %; a share of nothing is NaN in [0, 1]."""

    hits: int
    trials: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Self:
        return cls(hits, trials, hits / trials if trials else math.nan, *wilson(hits, trials))


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Links of a run against true links.

    precision: right links of all links of the run. recall: found links of all true links. recall_in_view: found links
    of those true links at both of whose ends a tracklet follows the vehicle: what is missing there was lost by
    association, the rest by perception. skipping: right links that leave out a sighting in between, so that they find
    no true link. tracklets: of the run, on the scored frames; strays: those of them that follow no vehicle.
    """

    precision: Share
    recall: Share
    recall_in_view: Share
    skipping: int
    tracklets: int
    strays: int


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, p. 209); (0, 1) without a trial."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, _Z_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = _Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # At its ends the interval is exact; there the arithmetic is not.
    return (0.0 if hits == 0 else middle - reach), (1.0 if hits == trials else middle + reach)


def score_links(
    cameras: Sequence[CameraTracks], identity_of: Mapping[int, int], *, visit_gap_s: float = VISIT_GAP_S
) -> LinkScores:
    """Compare the links of a run with the true ones.

    The run's ids are tracklets: each of one camera, none of two (ValueError). `identity_of` says which identity a
    tracklet belongs to; it lacks those that belong to none. True ids are vehicles, the same in all cameras.
    """
    visits: list[_Sighting] = []
    tracklets: dict[int, _Sighting] = {}
    visit_of: dict[int, int | None] = {}
    for camera in cameras:
        visit_by_row = _add_visits(visits, camera, visit_gap_s)
        visit_of |= _followed(camera, visit_by_row, visits)
        _add_tracklets(tracklets, camera, identity_of)
    true_links = {_unordered(first, second) for first, second in _links(enumerate(visits))}
    run_links = _links((each, sighting) for each, sighting in tracklets.items() if each in identity_of)
    right = []
    for before, after in ((visit_of[first], visit_of[second]) for first, second in run_links):
        if before is not None and after is not None and visits[before].owner == visits[after].owner:
            right.append(_unordered(before, after))
    found = true_links & set(right)
    seen = set(visit_of.values())
    return LinkScores(
        precision=Share.of(len(right), len(run_links)),
        recall=Share.of(len(found), len(true_links)),
        recall_in_view=Share.of(len(found), sum(link[0] in seen and link[1] in seen for link in true_links)),
        skipping=sum(link not in true_links for link in right),
        tracklets=len(visit_of),
        strays=sum(visit is None for visit in visit_of.values()),
    )


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A vehicle's visit, or an identity's tracklet: whose, where, and from when (seconds)."""

    owner: int
    camera: str
    begins_s: float


def _unordered(one: int, other: int) -> tuple[int, int]:
    """Where views overlap, a run may see a vehicle first where it came second."""
    return min(one, other), max(one, other)


def _links(sightings: Iterable[tuple[int, _Sighting]]) -> list[tuple[int, int]]:
    """Keys of consecutive sightings of one owner in different cameras, in the order in which sightings begin."""
    of_owner: dict[int, list[tuple[float, str, int]]] = defaultdict(list)
    for key, sighting in sightings:
        of_owner[sighting.owner].append((sighting.begins_s, sighting.camera, key))
    chains = [sorted(chain) for chain in of_owner.values()]
    return [(one[2], two[2]) for chain in chains for one, two in pairwise(chain) if one[1] != two[1]]


def _add_visits(visits: list[_Sighting], camera: CameraTracks, gap_s: float) -> dict[int, int]:
    """Append the visits of a camera's vehicles; returns, by row of its truth, the visit's place in the list."""
    by_row: dict[int, int] = {}
    latest: dict[int, tuple[float, int]] = {}
    for row in np.argsort(camera.truth.frames, kind="stable").tolist():
        vehicle, now_s = int(camera.truth.ids[row]), camera.time_s(int(camera.truth.frames[row]))
        before_s, visit = latest.get(vehicle, (-math.inf, -1))
        if now_s - before_s > gap_s:
            visit = len(visits)
            visits.append(_Sighting(vehicle, camera.camera, now_s))
        latest[vehicle] = (now_s, visit)
        by_row[row] = visit
    return by_row


def _add_tracklets(tracklets: dict[int, _Sighting], camera: CameraTracks, identity_of: Mapping[int, int]) -> None:
    """Note the beginning of each of a camera's tracklets."""
    firsts: dict[int, int] = {}
    for each, frame in zip(camera.run.ids.tolist(), camera.run.frames.tolist(), strict=True):
        firsts[each] = min(frame, firsts.get(each, frame))
    for each, frame in firsts.items():
        if each in tracklets:
            raise ValueError(f"tracklet {each} is in camera '{tracklets[each].camera}' and in '{camera.camera}'")
        tracklets[each] = _Sighting(identity_of.get(each, -1), camera.camera, camera.time_s(frame))


def _followed(camera: CameraTracks, visit_by_row: dict[int, int], visits: list[_Sighting]) -> dict[int, int | None]:
    """By tracklet: the visit it follows, or None where no vehicle has more than half of its boxes."""
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
