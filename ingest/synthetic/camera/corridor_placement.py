"""Camera placement along a corridor: the same vehicles pass all cameras, a few seconds between two views."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.placement import (
    NEAR_VIEW_M,
    Candidate,
    PlacementRequest,
    Survey,
    find_candidates,
    no_room,
)
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.camera.visibility import HEIGHTS_M, focal_px, in_sight
from ingest.synthetic.world.streets import Streets
from ingest.synthetic.world.traffic import VEHICLE_KINDS

SEEN_PX = 24.0
"""Height of a body, in an image 360 pixels high, from which on a view counts."""

BETWEEN_S = (4.5, 13.0)
"""Time from leaving one view to entering the next."""

_STILL_M = 60.0
_STILL_COST = 2.0
_BAD_COST = 2.0
_BEAM = 300
_Row = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Passings:
    """Times in view of C candidates and V vehicles: enter_s, leave_s (C, V), else NaN; cost (C,) of queues in view.

    feet_m: (C, 2) places of the masts.
    """

    enter_s: NDArray[np.float64]
    leave_s: NDArray[np.float64]
    cost: NDArray[np.float64]
    feet_m: NDArray[np.float64]


def place_along_corridor(
    streets: Streets, survey: Survey, request: PlacementRequest, rng: np.random.Generator
) -> tuple[CameraPose, ...]:
    """Place cameras along one way, in the order in which most vehicles pass; raises ConfigError if none fit.

    A beam search: of all rows of cameras with the same length the _BEAM best ones are continued.
    """
    # Step 1: the candidates, and the times at which each one sees each vehicle
    candidates = find_candidates(streets, survey, rng)
    passings = _passings(candidates, survey)
    # Step 2: lengthen the best rows by one camera at a time
    rows: list[_Row] = [(first,) for first in range(len(candidates))]
    for number in range(1, request.count):
        longer = [(_worth(row, passings), row) for old in rows for row in _continued(old, passings, request.spacing_m)]
        rows = [row for _, row in sorted(longer, reverse=True)[:_BEAM]]
        if not rows:
            raise no_room(number, request)
    # Step 3: number the cameras of the best row with the flow of traffic
    return tuple(candidates[number].pose for number in _with_the_flow(rows[0], passings))


def _passings(candidates: Sequence[Candidate], survey: Survey) -> _Passings:
    count = int(survey.vehicle.max(initial=-1)) + 1
    enter_s = np.full((len(candidates), count), np.nan)
    leave_s = enter_s.copy()
    cost = np.zeros(len(candidates))
    heights_m = np.array([HEIGHTS_M[kind] for kind in VEHICLE_KINDS])[survey.kind]
    for row, each in enumerate(candidates):
        far = in_sight(each.pose, survey.places_m, focal_px(each.pose) * heights_m / SEEN_PX)
        near = in_sight(each.pose, survey.places_m, NEAR_VIEW_M - 3)
        seen = np.flatnonzero(far & ~near)
        vehicles, first = np.unique(survey.vehicle[seen], return_index=True)
        _, last = np.unique(survey.vehicle[seen][::-1], return_index=True)
        enter_s[row, vehicles] = survey.time_s[seen[first]]
        leave_s[row, vehicles] = survey.time_s[seen[::-1][last]]
        cost[row] = _STILL_COST * in_sight(each.pose, survey.still_m, _STILL_M).sum()
    return _Passings(enter_s, leave_s, cost, np.array([(each.pose.x_m, each.pose.y_m) for each in candidates]))


def _continued(row: _Row, passings: _Passings, spacing_m: tuple[float, float]) -> Iterator[_Row]:
    """Continue a row by one more camera, `spacing_m` (least, most) from its end, which does not turn back."""
    away_m = np.linalg.norm(passings.feet_m - passings.feet_m[row[-1]], axis=1)
    fits = (away_m >= spacing_m[0]) & (away_m <= spacing_m[1])
    for earlier in row[:-1]:
        off_m = np.linalg.norm(passings.feet_m - passings.feet_m[earlier], axis=1)
        fits &= off_m > np.maximum(away_m, off_m[row[-1]]) + spacing_m[0] / 2
    return ((*row, number) for number in np.flatnonzero(fits).tolist())


def _worth(row: _Row, passings: _Passings) -> float:
    """Score a row: vehicles that pass from view to view as they should, less those that do not, and queues."""
    gaps_s = np.array([_between_s(one, other, passings) for one, other in pairwise(row)])
    least_s, most_s = BETWEEN_S
    good = ((gaps_s >= least_s) & (gaps_s <= most_s)).sum(0)
    bad = (np.isfinite(gaps_s) & ~((gaps_s >= least_s) & (gaps_s <= most_s))).sum()
    return float((good**2).sum() - _BAD_COST * bad - passings.cost[list(row)].sum())


def _between_s(one: int, other: int, passings: _Passings) -> NDArray[np.float64]:
    """(V,) time from leaving one view to entering the other, whichever comes first; negative when at once."""
    onwards = passings.enter_s[other] - passings.leave_s[one]
    back = passings.enter_s[one] - passings.leave_s[other]
    return np.asarray(np.fmax(onwards, back))


def _with_the_flow(row: _Row, passings: _Passings) -> _Row:
    onwards = passings.enter_s[row[-1]] > passings.leave_s[row[0]]
    back = passings.enter_s[row[0]] > passings.leave_s[row[-1]]
    return row if onwards.sum() >= back.sum() else row[::-1]
