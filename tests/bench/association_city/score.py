"""Scores of trajectory events on a city log: links, IDF1 and calibration, as known some time after a tracklet's end.

`python -m tests.bench.association_city.score LOG [RUN]` scores the events of a log (those of RUN on the observations
of LOG).
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from associate.trajectory import Kind, TrajectoryEvent
from deploy.log.opening import open_log
from deploy.results.journeys import read_events
from ingest.clock import NS
from tests.bench.association_city.logs import CityLog, read_city_log
from tests.bench.measure import table
from training.scoring.decisions import FINAL_NS, Decisions, StatedProbability, read_decisions
from training.scoring.delay import delay_curve
from training.scoring.reliability import Reliability, reliability, run_reliability
from training.scoring.sightings import Sightings

DELAYS_S = (0.0, 2.0, 5.0, 15.0, 60.0)
FINAL_S = math.inf
MOMENTS_S = (*DELAYS_S, FINAL_S)

Shares = Mapping[float, float]
"""By seconds after a tracklet's end; infinity is the end of the run."""


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of one way to link one log, all of them by the time at which they are used.

    share: the way from `no links` (0) to the ceiling (1) in IDF1. ece_links, ece_new: over the last statement that was
    made about each tracklet by then (NaN without any). ece_said: of every statement ever made, as `corridor score` has
    it: by `links`, `new`, `provisional`. right, proposed, found, true: links in the end.
    """

    idf1: Shares
    precision: Shares
    recall: Shares
    share: Shares
    ece_links: Shares
    ece_new: Shares
    ece_said: Mapping[str, float]
    right: int
    proposed: int
    found: int
    true: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """IDF1 of the tracklets without any link, and with every tracklet given to the vehicle that it follows."""

    no_links: float
    ceiling: float

    def share(self, idf1: float) -> float:
        """How far an IDF1 is on the way from the one to the other."""
        return (idf1 - self.no_links) / (self.ceiling - self.no_links)


def bounds_of(log: CityLog) -> Bounds:
    """The bounds between which associations of a log lie."""
    comparison = log.comparison
    none, all_of_them = (
        comparison.pairs.score(comparison.names(identity_of)).idf1 for identity_of in ({}, log.true_identities)
    )
    return Bounds(none, all_of_them)


def score_events(log_path: Path, events: Iterable[TrajectoryEvent]) -> Row:
    """Score events about the tracklets of the log at a path, which has its truth beside it."""
    return score(_known_log(log_path.resolve()), events)


@lru_cache(maxsize=4)
def _known_log(path: Path) -> CityLog:
    return read_city_log(path)


def score(log: CityLog, events: Iterable[TrajectoryEvent], bounds: Bounds | None = None) -> Row:
    """Score events about the tracklets of a log; bounds: of the log, if they are known."""
    said = list(events)
    return score_decisions(
        log, read_decisions(said, log.run.tracklets), last_statements(said, log.run.tracklets, log.run.ends_ns), bounds
    )


def score_identities(log: CityLog, identity_of: Mapping[int, int], bounds: Bounds | None = None) -> Row:
    """Score identities by tracklet that are known from the first moment on, without probabilities."""
    decisions = Decisions(changes={tracklet: [(-FINAL_NS, identity)] for tracklet, identity in identity_of.items()})
    return score_decisions(log, decisions, {}, bounds)


Statements = Mapping[float, Sequence[StatedProbability]]


def score_decisions(log: CityLog, decisions: Decisions, stated: Statements, bounds: Bounds | None = None) -> Row:
    """Score what was decided when, and what had been stated by each of `MOMENTS_S`."""
    bounds = bounds or bounds_of(log)
    points = delay_curve(log.comparison, decisions, log.run.ends_ns, DELAYS_S)[1:]
    by_moment = dict(zip(MOMENTS_S, points, strict=True))
    links = {at: (point.precision, point.recall) for at, point in by_moment.items() if point.precision and point.recall}
    precision, recall = links[FINAL_S]
    calibration = {at: _calibration(log, of) for at, of in stated.items()}
    every = run_reliability(decisions, log.comparison.sightings)
    return Row(
        idf1={at: point.idf1 for at, point in by_moment.items()},
        precision={at: each[0].value for at, each in links.items()},
        recall={at: each[1].value for at, each in links.items()},
        share={at: bounds.share(point.idf1) for at, point in by_moment.items()},
        ece_links={at: _ece(each[0]) for at, each in calibration.items()},
        ece_new={at: _ece(each[1]) for at, each in calibration.items()},
        ece_said={name: it.ece for name, it in every.items()},
        right=precision.hits,
        proposed=precision.trials,
        found=recall.hits,
        true=recall.trials,
    )


def last_statements(
    events: Iterable[TrajectoryEvent], number_of: Mapping[str, int], ends_ns: Mapping[int, int]
) -> Statements:
    """By each of `MOMENTS_S`: the last statement about every tracklet by then.

    number_of: numbers of the tracklets. ends_ns: when each was seen last.
    """
    latest: dict[float, dict[int, StatedProbability]] = {at: {} for at in MOMENTS_S}
    now_ns = -FINAL_NS
    for event in events:
        now_ns = max(now_ns, event.at_ns)
        for each in read_decisions([event], number_of).stated:
            for at, known in latest.items():
                if at == FINAL_S or now_ns <= ends_ns[each.tracklet] + at * NS:
                    known[each.tracklet] = each
    return {at: list(known.values()) for at, known in latest.items()}


def _calibration(log: CityLog, stated: Sequence[StatedProbability]) -> tuple[Reliability | None, Reliability | None]:
    """Reliability of the last statements: of links, and of new vehicles.

    A new vehicle is right where none of its tracklets began before, whenever that was decided on.
    """
    sightings = log.comparison.sightings
    known = [it for it in stated if it.tracklet in sightings.visit_of]
    links = [
        (it.probability, _is_right(sightings, it.tracklet, it.before))
        for it in known
        if it.before is not None and it.before in sightings.visit_of
    ]
    first = _first_tracklets(log)
    new = [
        (it.probability, first[vehicle] == it.tracklet)
        for it in known
        if it.before is None
        and it.kind is not Kind.PROVISIONAL
        and (vehicle := sightings.vehicle_of(it.tracklet)) is not None
    ]
    return _measured(links), _measured(new)


def _is_right(sightings: Sightings, tracklet: int, before: int) -> bool:
    vehicle = sightings.vehicle_of(tracklet)
    return vehicle is not None and vehicle == sightings.vehicle_of(before)


def _first_tracklets(log: CityLog) -> dict[int, int]:
    """By vehicle: the tracklet that follows it first, by the clocks of the cameras."""
    first: dict[int, int] = {}
    sightings = log.comparison.sightings
    for tracklet in sorted(sightings.visit_of, key=lambda each: (log.run.latest[each].first_ns, each)):
        vehicle = sightings.vehicle_of(tracklet)
        if vehicle is not None:
            first.setdefault(vehicle, tracklet)
    return first


def _measured(judged: Sequence[tuple[float, bool]]) -> Reliability | None:
    both = np.array(judged, np.float64).reshape(-1, 2)
    return reliability(both[:, 0], both[:, 1] > 0)


def _ece(measured: Reliability | None) -> float:
    return math.nan if measured is None else measured.ece


HEADER = ["row", "P", "R", "IDF1", "share", "ECE links", "ECE new", "right/proposed", "found/true"]


def print_rows(rows: Mapping[str, Row], at_s: float = FINAL_S) -> None:
    """Print rows as a table, as known some seconds after a tracklet's end."""
    table(HEADER, [[name, *cells(row, at_s)] for name, row in rows.items()])


def cells(row: Row, at_s: float = FINAL_S) -> list[str]:
    """The columns of `HEADER` after the first; counts are always those of the end."""
    columns = (row.precision, row.recall, row.idf1, row.share, row.ece_links, row.ece_new)
    return [
        *(shown(column.get(at_s, math.nan)) for column in columns),
        f"{row.right}/{row.proposed}",
        f"{row.found}/{row.true}",
    ]


def print_delays(rows: Mapping[str, Row]) -> None:
    """Print IDF1, precision and recall of rows over the time after a tracklet's end."""
    moments = [f"{at:g} s" if math.isfinite(at) else "end" for at in MOMENTS_S]
    of: Sequence[tuple[str, Callable[[Row], Shares]]] = (
        ("IDF1", lambda row: row.idf1),
        ("P", lambda row: row.precision),
        ("R", lambda row: row.recall),
        ("share", lambda row: row.share),
        ("ECE links", lambda row: row.ece_links),
        ("ECE new", lambda row: row.ece_new),
    )
    table(
        ["row", "score", *moments],
        [
            [name, what, *(shown(choose(row).get(at, math.nan)) for at in MOMENTS_S)]
            for name, row in rows.items()
            for what, choose in of
        ],
    )


def shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def main() -> None:
    """Score the events of a log, or of another log that ran on the same observations."""
    path = Path(sys.argv[1])
    with closing(open_log(f"sqlite:{sys.argv[2] if len(sys.argv) > 2 else path}", must_exist=True)) as log:
        events = list(read_events(log))
    bounds = bounds_of(_known_log(path.resolve()))
    print(f"{path}: no links {bounds.no_links:.3f}, ceiling {bounds.ceiling:.3f}\n")
    row = score_events(path, events)
    print_rows({path.stem: row})
    print()
    print_delays({path.stem: row})
    print("\nECE of every statement:", {name: round(ece, 3) for name, ece in row.ece_said.items()})


if __name__ == "__main__":
    main()
