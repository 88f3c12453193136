"""Correction for missed and false links: what is expected is the mean over all that the probabilities allow."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit, event_id
from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from deploy.web.reading.counts import CountQuery, OdQuery, list_counts, list_od
from deploy.web.reading.journeys import expected_journeys
from deploy.web.reading.links import Links, Sightings, read_links
from deploy.web.reading.times import time_of
from deploy.web.reading.travel import TravelQuery, list_travel_times
from deploy.web.reading.windows import Window
from ingest.clock import NS

CAMERAS = [0, 1, 0, 2, 1, 2]
"""The camera of every sighting, in order of time."""
CANDIDATES = {1: [(0, 0.9)], 3: [(1, 0.7), (2, 0.2)], 5: [(3, 0.5), (4, 0.3)]}
"""By sighting: those that it may follow, with the probability of each; none may be followed by two."""


def columns(candidates: dict[int, list[tuple[int, float]]]) -> tuple[Sightings, Links]:
    count = len(CAMERAS)
    times_ns, numbers = np.arange(count) * NS, np.zeros(count, np.int64)
    found = [(earlier, later, each) for later, of in candidates.items() for earlier, each in of]
    earlier, later, probability = (np.array(column) for column in zip(*found, strict=True))
    nobody = np.full(count, -1)
    sightings = Sightings(
        ["a", "b", "c"], ["car"], np.array(CAMERAS), numbers, times_ns, times_ns, numbers.astype(bool), nobody
    )
    return sightings, Links(earlier, later, probability, probability, np.ones(len(found), np.bool_))


def by_enumeration() -> dict[tuple[int, int, int], float]:
    """Journeys by origin and destination, expected over every choice of what each sighting follows."""
    choices = [[(-1, 1 - sum(each for _, each in of)), *of] for of in CANDIDATES.values()]
    found: dict[tuple[int, int, int], float] = defaultdict(float)
    for chosen in product(*choices):
        follows = {later: earlier for later, (earlier, _) in zip(CANDIDATES, chosen, strict=True) if earlier >= 0}
        for row in set(range(len(CAMERAS))) - set(follows.values()):
            origin = row
            while origin in follows:
                origin = follows[origin]
            found[CAMERAS[origin], CAMERAS[row], 0] += float(np.prod([each for _, each in chosen]))
    return found


def test_journeys_are_those_of_every_choice_that_links_allow() -> None:
    sightings, links = columns(CANDIDATES)
    found = expected_journeys(sightings, links, np.ones(len(CAMERAS), np.bool_))
    assert found == pytest.approx(by_enumeration())


def test_only_journeys_that_begin_in_the_window_count() -> None:
    sightings, links = columns({1: [(0, 0.9)]})
    found = expected_journeys(sightings, links, np.arange(len(CAMERAS)) == 0)
    assert {place: share for place, share in found.items() if share} == pytest.approx({(0, 0, 0): 0.1, (0, 1, 0): 0.9})


def sighting(tracklet: str, enter_s: int) -> Visit:
    camera = tracklet[0]
    return Visit(
        camera=camera, observation=f"{camera}|1.0|{tracklet[1:]}|2", enter_ns=enter_s * NS, leave_ns=(enter_s + 2) * NS
    )


def said(identity: str, visits: list[Visit], evidence: Evidence) -> Record:
    seen = visits[-1]
    event = TrajectoryEvent(
        id=event_id("z", seen.observation, 0),
        zone="z",
        kind=Kind.EXTENDED if len(visits) > 1 else Kind.CONFIRMED,
        identity=identity,
        revision=len(visits),
        at_ns=seen.leave_ns,
        decided_by=seen.observation,
        label="vehicle",
        visits=visits,
        observation=seen.observation,
        evidence=evidence,
    )
    return Record(TRAJECTORIES, identity, encode_event(event))


SURE = Evidence(probability=1.0)
A1, A2, B1, B2, A4, A5 = (
    sighting(name, enter_s)
    for name, enter_s in (("a1", 10), ("a2", 12), ("b1", 22), ("b2", 26), ("a4", 40), ("a5", 43))
)
STORY = [
    said("z-1", [A1], SURE),
    said("z-2", [A2], SURE),
    said("z-1", [A1, B1], Evidence(probability=0.9, similarity=0.8, runner_up="z-2", margin=0.82)),
    said("z-3", [B2], Evidence(probability=0.4, runner_up="z-2", margin=-0.2)),
    said("z-4", [A4], SURE),
    said("z-5", [A5], Evidence(probability=0.5, runner_up="z-4", margin=0.0)),
]
"""One link that was made, its runner-up, one that was missed, and a fragment that was not linked."""


@contextmanager
def indexed(folder: Path, records: list[Record]) -> Iterator[Index]:
    log = SqliteLog(folder / "log.db")
    log.claim("z").commit(records)
    made = Index(folder / "index.db", log)
    follower = Follower(log, made)
    while follower.step():
        pass
    yield made
    made.close()
    log.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexed(tmp_path, STORY) as made:
        yield made


START, END = time_of(0), time_of(100 * NS)


def test_travel_times_with_and_without_correction(index: Index) -> None:
    (row,) = list_travel_times(index, TravelQuery(start=START, end=END, minutes=60)).rows
    assert (row.origin, row.destination, row.n, row.expected) == ("a", "b", 1, 0.9)
    assert (row.plain_median_s, row.median_s) == (10, 10)
    assert row.corrected_n == pytest.approx(0.9 + 0.08 + 0.6)
    # 8 s (.08), 10 s (.9), 12 s (.6): the middle of the weights is between the last two
    assert 10 < row.corrected_median_s < 12
    assert (row.share, row.corrected_share) == (round(0.9 / 4, 3), round(1.58 / 4, 3))


def test_counts_with_and_without_correction(index: Index) -> None:
    rows = list_counts(index, CountQuery(start=START, end=END, minutes=60)).rows
    assert [(row.camera, row.n, row.corrected_n) for row in rows] == [("a", 4, 3.5), ("b", 2, 2.0)]
    only = list_counts(index, CountQuery(start=START, end=END, minutes=60, camera="b")).rows
    assert only == rows[1:]
    assert list_counts(index, CountQuery(start=START, end=END, camera="x")).rows == []


def test_origins_and_destinations_with_and_without_correction(index: Index) -> None:
    rows = {(row.origin, row.destination): row for row in list_od(index, OdQuery(start=START, end=END)).rows}
    assert {place: (row.n, row.expected) for place, row in rows.items()} == {
        ("a", "a"): (3, 3.0), ("a", "b"): (1, 0.9), ("b", "b"): (1, 1.0)
    }  # fmt: skip
    # a1 ends at a with .1, a2 with .32, a4 and a5 are one journey or two; b1 begins one with .02, b2 with .4
    assert rows["a", "a"].corrected_n == pytest.approx(0.1 + 0.32 + 1.5)
    assert rows["a", "b"].corrected_n == pytest.approx(1.58)
    assert rows["b", "b"].corrected_n == pytest.approx(0.42)


def test_a_sighting_is_followed_by_one_at_most(tmp_path: Path) -> None:
    another = said("z-6", [sighting("b7", 28)], Evidence(probability=0.3, runner_up="z-2", margin=-0.4))
    with indexed(tmp_path, [*STORY, another]) as made:
        _, links = read_links(made, Window(0, 100 * NS, NS))
    crowded = links.earlier == 1  # a2, with .08, .6 and .7
    assert links.stated[crowded].tolist() == pytest.approx([0.08, 0.6, 0.7])
    assert links.probability[crowded].sum() == pytest.approx(1)
    assert (links.probability[~crowded] == links.stated[~crowded]).all()
