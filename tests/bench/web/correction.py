"""Reports against the truth of drawn cities: vehicles between cameras, journeys, counts and travel times, with and
without correction for missed and false links.

`python -m tests.bench.web.correction [LOG.db …] [--minutes N]`: logs of `corridor city observations`, each with its
`NAME-truth` beside it; without any, cities that the bench of association has drawn. Truth is of all vehicles that
passed a view, detected or not; times of a visit are those of its boxes.
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from deploy.web.reading.counts import CountQuery, OdQuery, list_counts, list_od
from deploy.web.reading.times import Time, time_of
from deploy.web.reading.topology import TopologyQuery, Way, read_topology
from deploy.web.reading.travel import TravelQuery, TravelTime, list_travel_times
from embed.observation import Observation, encode
from ingest.clock import NS
from tests.bench.association_city.cities import CITIES, Draw, made
from tests.bench.association_city.logs import CityLog, associate, read_city_log
from tests.bench.association_city.rows import configuration, ours
from tests.bench.measure import table
from tests.bench.web.truth import Pair, Passages, passages_of, rightly_linked

Floats = NDArray[np.float64]

NAMES = ("clock-skew", "far-town")
SEED = 9001
FEWEST = 10
"""True passages between two cameras, or in a step of them, below which a median is not compared."""

WITHIN = 0.05
"""Error of a median that is asked for at most."""

KINDS = ("plain_median_s", "median_s", "corrected_median_s")


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


@dataclass(frozen=True, slots=True)
class Medians:
    """Medians of travel times, by kind, beside true ones; covered: the true one is in the interval, if there is one."""

    said: list[tuple[float, float, float]]
    true: list[float]
    covered: list[bool | None]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Way | TravelTime, Sequence[float]]]) -> "Medians":
        """Compare what is said of places with the true times there."""
        true = [float(np.median(times_s)) for _, times_s in pairs]
        covered = [
            None if row.low_s is None or row.high_s is None else row.low_s <= median_s <= row.high_s
            for (row, _), median_s in zip(pairs, true, strict=True)
        ]
        return cls([(row.plain_median_s, row.median_s, row.corrected_median_s) for row, _ in pairs], true, covered)

    def row(self) -> list[str]:
        """The number of medians; by kind their errors and the number within what is asked; the coverage."""
        if not self.true:
            return ["0", *["" for _ in KINDS], ""]
        off = np.abs(np.array(self.said) / np.array(self.true)[:, None] - 1)
        errors = [
            f"{np.median(each):.1%} ({np.mean(each):.1%}), {(each <= WITHIN).sum()} of {len(each)}" for each in off.T
        ]
        known = [each for each in self.covered if each is not None]
        return [str(len(self.true)), *errors, f"{sum(known)} of {len(known)}"]


def compared(index: Index, true: Passages, window: tuple[Time, Time], minutes: int) -> dict[str, Medians]:
    """Medians of all pairs with enough passages over the whole time, and in steps of so many minutes."""
    begin, end = window
    whole = [
        (way, times_s)
        for way in read_topology(index, TopologyQuery(start=begin, end=end)).rows
        if len(times_s := [each for _, each in true.by_pair.get((way.origin, way.destination), ())]) >= FEWEST
    ]
    steps = []
    step_s = minutes * 60
    for row in list_travel_times(index, TravelQuery(start=begin, end=end, minutes=minutes)).rows:
        begin_s = row.begin.timestamp()
        passages = true.by_pair.get((row.origin, row.destination), ())
        times_s = [each for left_s, each in passages if begin_s <= left_s < begin_s + step_s]
        if len(times_s) >= FEWEST:
            steps.append((row, times_s))
    return {"whole": Medians.of(whole), f"{minutes} min": Medians.of(steps)}


def rows_of(name: str, log: CityLog, minutes: int) -> tuple[list[str], list[list[str]]]:
    """A city's row of numbers of vehicles, and those of its travel times."""
    sightings = log.comparison.sightings
    true, found = passages_of(sightings.visits), passages_of(rightly_linked(sightings))
    end_ns = max(message.at_ns for message in log.messages) + NS
    window = time_of(end_ns - 86_400 * NS), time_of(end_ns)
    begin, end = window
    with indexed(log) as index:
        ways = {
            (way.origin, way.destination): way for way in read_topology(index, TopologyQuery(start=begin, end=end)).rows
        }
        matrix: dict[Pair, Floats] = defaultdict(_nothing)
        stays: dict[str, Floats] = defaultdict(_nothing)
        for row in list_od(index, OdQuery(start=begin, end=end)).rows:
            matrix[row.origin, row.destination] += (row.n, row.corrected_n)
        for each in list_counts(index, CountQuery(start=begin, end=end)).rows:
            stays[each.camera] += (each.n, each.corrected_n)
        times = [
            [name, against, length, *medians.row()]
            for against, truth in (("all vehicles", true), ("tracklets linked rightly", found))
            for length, medians in compared(index, truth, window, minutes).items()
        ]
    numbers = [name]
    vehicles = Counter({pair: len(each) for pair, each in true.by_pair.items()})
    links = {pair: np.array([way.n, way.corrected_n]) for pair, way in ways.items()}
    for truth, said in ((true.stays, stays), (vehicles, links), (true.journeys, matrix)):
        numbers += [str(truth.total()), *_against(truth, said)]
    return numbers, times


def _nothing() -> Floats:
    return np.zeros(2)


def _against(truth: Counter[Any], said: Mapping[Any, Floats]) -> list[str]:
    """Without and with correction: the sum over all places, and the sum of what each is off by, as a share."""
    places = {*truth, *said}
    columns = []
    for column in (0, 1):
        of = {place: float(said[place][column]) if place in said else 0.0 for place in places}
        off = sum(abs(of[place] - truth[place]) for place in places)
        columns.append(f"{sum(of.values()):.0f} ({off / truth.total():.0%})")
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("logs", nargs="*", type=Path, help="NAME.db, with NAME-truth beside it")
    parser.add_argument("--minutes", type=int, default=5, help="length of a step of travel times")
    given = parser.parse_args()
    numbers: list[list[str]] = []
    times: list[list[str]] = []
    for path in given.logs or _drawn():
        print(f"{path}", flush=True)
        log = read_city_log(path)
        seen = next(each for each in log.messages if isinstance(each, Observation))
        refusal = ours(configuration(log)).refuse(seen)
        if refusal:
            print(f"left out: {refusal}")
            continue
        one, more = rows_of(path.stem, log, given.minutes)
        numbers.append(one)
        times += more
    if not numbers:
        raise SystemExit("no city was compared")
    header = ["city"]
    for name, what in (("stays", "sightings"), ("vehicles between cameras", "links"), ("journeys", "identities")):
        header += [f"true {name}", f"{what} (off)", "corrected (off)"]
    table(header, numbers)
    kinds = ["plain median off: median (mean), within 5 %", "weighted", "corrected", "true median in the interval"]
    print()
    table(["city", "against", "time", "medians", *kinds], times)


def _drawn() -> Iterator[Path]:
    for name in NAMES:
        try:
            yield made(Draw(CITIES[name], SEED))
        except pytest.skip.Exception as skipped:
            print(f"left out: {skipped}")


if __name__ == "__main__":
    main()
