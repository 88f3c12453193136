"""Reports against the truth of drawn cities: vehicles between cameras, travel times and journeys, with and without
correction for missed and false links.

Truth is of all vehicles that passed a view, detected or not; times of a visit are those of its boxes.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from deploy.web.reading.counts import OdQuery, list_od
from deploy.web.reading.times import time_of
from deploy.web.reading.topology import TopologyQuery, read_topology
from embed.observation import encode
from ingest.clock import NS
from tests.bench.association_city.cities import CITIES, Draw, made
from tests.bench.association_city.logs import CityLog, associate, read_city_log
from tests.bench.association_city.rows import configuration, ours
from tests.bench.measure import table

NAMES = ("clock-skew", "far-town")
SEED = 9001
FEWEST = 10
"""True journeys between two cameras below which their median is not compared."""

Pair = tuple[str, str]


@contextmanager
def indexed(log: CityLog) -> Iterator[Index]:
    """The index of a city's observations and of what association says of them, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as name:
        kept = SqliteLog(Path(name) / "log.db")
        writer = kept.claim("all")
        events = associate(log.messages, ours(configuration(log)))
        writer.commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in log.messages])
        writer.commit([Record(TRAJECTORIES, event.identity, encode_event(event)) for event in events])
        index = Index(Path(name) / "index.db", kept)
        follower = Follower(kept, index)
        while follower.step():
            pass
        yield index
        index.close()
        kept.close()


def true_ways(log: CityLog) -> tuple[dict[Pair, list[float]], Counter[Pair]]:
    """Travel times by pair of cameras, and journeys by first and last camera."""
    of_vehicle = defaultdict(list)
    for visit in sorted(log.comparison.sightings.visits, key=lambda visit: visit.begins_s):
        of_vehicle[visit.owner].append(visit)
    times_s: dict[Pair, list[float]] = defaultdict(list)
    journeys: Counter[Pair] = Counter()
    for visits in of_vehicle.values():
        journeys[visits[0].camera, visits[-1].camera] += 1
        for one, two in pairwise(visits):
            if one.camera != two.camera:
                times_s[one.camera, two.camera].append(two.begins_s - one.ends_s)
    return times_s, journeys


def row_of(name: str, log: CityLog) -> list[str]:
    """One city's figures."""
    times_s, journeys = true_ways(log)
    end = max(message.at_ns for message in log.messages) + NS
    window = {"start": time_of(end - 86_400 * NS), "end": time_of(end)}
    with indexed(log) as index:
        ways = {(way.origin, way.destination): way for way in read_topology(index, TopologyQuery(**window)).rows}
        matrix: dict[Pair, np.ndarray[tuple[int], np.dtype[np.float64]]] = defaultdict(lambda: np.zeros(2))
        for row in list_od(index, OdQuery(**window)).rows:
            matrix[row.origin, row.destination] += (row.n, row.corrected_n)
    known = [pair for pair, each in times_s.items() if len(each) >= FEWEST and pair in ways]
    off = {
        kind: [abs(getattr(ways[pair], kind) / np.median(times_s[pair]) - 1) for pair in known]
        for kind in ("plain_median_s", "median_s", "corrected_median_s")
    }
    intervals = [(ways[pair], float(np.median(times_s[pair]))) for pair in known if ways[pair].low_s is not None]
    covered = sum(way.low_s <= true <= way.high_s for way, true in intervals)  # type: ignore[operator]
    vehicles = {pair: len(each) for pair, each in times_s.items()}
    return [
        name,
        str(sum(vehicles.values())),
        *(_count(vehicles, {pair: getattr(way, kind) for pair, way in ways.items()}) for kind in ("n", "corrected_n")),
        str(sum(journeys.values())),
        *(_count(journeys, {pair: each[column] for pair, each in matrix.items()}) for column in (0, 1)),
        str(len(known)),
        *(f"{np.mean(each):.1%}" for each in off.values()),
        f"{covered} of {len(intervals)}",
    ]


def _count(true: dict[Pair, int] | Counter[Pair], said: dict[Pair, float]) -> str:
    """The sum over all pairs, and the sum of what each is off by, as a share of the truth."""
    off = sum(abs(said.get(pair, 0.0) - true.get(pair, 0)) for pair in {*true, *said})
    return f"{sum(said.values()):.0f} ({off / sum(true.values()):.0%})"


def main() -> None:
    rows = []
    for name in NAMES:
        try:
            rows.append(row_of(name, read_city_log(made(Draw(CITIES[name], SEED)))))
        except pytest.skip.Exception as skipped:
            print(f"left out: {skipped}")
    ways = ["vehicles between cameras", "links (off)", "corrected (off)"]
    od = ["journeys", "identities (off)", "corrected (off)"]
    medians = ["pairs", "plain median off", "weighted", "corrected", "true median in the interval"]
    table(["city", *ways, *od, *medians], rows)


if __name__ == "__main__":
    main()
