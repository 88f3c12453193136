"""Search in the city: precision, recall, ranks and calibration of queries by one sighting.

`python -m tests.bench.search.quality LOG… [--queries N] [--pairs] [--curve]` takes logs of `corridor city observations`
with their truth beside them. Each log is associated and indexed; then sightings drawn from it are searched for in it:
as it is, and with the other sightings of their vehicles taken out, as vehicles that are not there; by looks alone also
in the index of the next log. `--pairs`: also by the cameras of the query and of what is wanted. `--curve`: by looks
alone, for several shares of vehicles that are assumed to be there.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from associate.sightings import expectation
from deploy.search.asking import FoundSighting, Query, Results, search, sighting_query
from tests.bench.association_city.cities import CITIES, REPORTED, Draw, made
from tests.bench.measure import table
from tests.bench.search.city import City, indexed
from training.scoring.reliability import reliability

QUERIES = 1000
BINS = 10
TOP = 10_000
SURE = (0.5, 0.9)
WAYS = ("time and place", "looks alone", "re-ranked")
SHARES = (0.5, 0.25, 0.1, 0.05)
FEWEST = 20
"""True sightings of a pair of cameras below which it has no row."""
SHOWN = 0.02
"""Probability below which results are left out of the calibration: nobody would be shown them."""


@dataclass(slots=True)
class Tally:
    """Answers to queries of one way of asking.

    stated: probabilities of vehicles, and whether they are right. unasked: those where the vehicle was taken out.
    pairs: by camera of the query and of others: true sightings, those stated at .5 or more, and the right of those.
    out, once, elsewhere: sums of probabilities where the vehicle had been taken out, where it was seen no other time,
    and in another city.
    """

    true: int = 0
    first: list[bool] = field(default_factory=list)
    precisions: list[float] = field(default_factory=list)
    stated: list[tuple[float, bool]] = field(default_factory=list)
    unasked: list[float] = field(default_factory=list)
    out: list[float] = field(default_factory=list)
    once: list[float] = field(default_factory=list)
    elsewhere: list[float] = field(default_factory=list)
    hits: dict[float, list[int]] = field(default_factory=lambda: {sure: [0, 0] for sure in SURE})
    pairs: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def add(self, found: Sequence[FoundSighting], right: NDArray[np.bool_], others: int) -> None:
        """Count the sightings that one query found, most probable first."""
        self.true += others
        for sure, count in self.hits.items():
            said = np.array([each.probability >= sure for each in found], np.bool_)
            count[0] += int(said.sum())
            count[1] += int((said & right).sum())
        if others:
            self.first.append(bool(len(right) and right[0]))
            at = np.flatnonzero(right) + 1
            self.precisions.append(float((np.arange(1, len(at) + 1) / at).sum() / others))

    def add_pairs(
        self, camera: str, found: Sequence[FoundSighting], right: NDArray[np.bool_], true_cameras: Sequence[str]
    ) -> None:
        """Count by cameras what one query before a camera found, and where its vehicle truly was."""
        for each in true_cameras:
            self.pairs[camera, each][0] += 1
        for one, hit in zip(found, right.tolist(), strict=True):
            if one.probability >= SURE[0]:
                self.pairs[camera, one.sighting.camera][1] += 1
                self.pairs[camera, one.sighting.camera][2] += hit

    def ece(self, share: float | None = None) -> str:
        """Expected calibration error where all vehicles are there, or a share of them; `-` without results."""
        both = np.array(self.stated, np.float64).reshape(-1, 2)
        if share is not None:
            absent = np.repeat(np.array(self.unasked), round((1 - share) / share))
            both = np.concatenate([both, np.stack([absent, np.zeros(len(absent))], axis=1)])
        both = both[both[:, 0] >= SHOWN]
        found = reliability(both[:, 0], both[:, 1] > 0, bins=BINS)
        return "-" if found is None else f"{found.ece:.3f}"

    @property
    def shown(self) -> int:
        """Results that count for the calibration."""
        return sum(stated >= SHOWN for stated, _ in self.stated)

    def sure(self) -> list[str]:
        """Precision and recall by stated probability."""
        return [f"{right / max(said, 1):.3f} {right / max(self.true, 1):.3f}" for said, right in self.hits.values()]


HEADER = [
    "city", "by", "queries", "rank-1", "mAP", *(f"P R at {sure}" for sure in SURE), "results", "ECE", "taken out",
    "seen once", "elsewhere",
]  # fmt: skip
PAIRS = ["city", "query before", "wanted before", "true", f"R at {SURE[0]}", f"P at {SURE[0]}"]
CURVE = ["city", "share", *(f"P R at {sure}" for sure in SURE), "ECE all", "ECE share", "taken out", "elsewhere"]


def main(paths: Sequence[Path], queries: int = QUERIES, *, pairs: bool = False, curve: bool = False) -> None:
    """Measure the logs of some paths."""
    by_pair: list[list[str]] = []
    with TemporaryDirectory(prefix="corridor-search-") as folder:
        cities = [indexed(log, Path(folder) / f"{place}") for place, log in enumerate(paths)]
        rows, points = [], []
        for place, city in enumerate(cities):
            asked = sorted(city.owner)
            chosen = [asked[each] for each in np.random.default_rng(9201).permutation(len(asked))[:queries]]
            elsewhere = cities[(place + 1) % len(cities)]
            for way in WAYS:
                tally = tallied(city, chosen, way, elsewhere)
                rows.append([city.name, way, *columns(tally)])
                by_pair += pair_rows(city.name, tally) if pairs and way == WAYS[0] else []
            for share in SHARES if curve else ():
                expectation.PRESENT = share
                tally = tallied(city, chosen, "looks alone", elsewhere)
                sums = mean(tally.out), mean(tally.elsewhere)
                points.append([city.name, f"{share}", *tally.sure(), tally.ece(), tally.ece(share), *sums])
            expectation.PRESENT = ASSUMED
            print(f"{city.name}: asked {len(chosen)} times in {len(WAYS)} ways", flush=True)
        table(HEADER, rows)
        if pairs:
            table(PAIRS, by_pair)
        if curve:
            table(CURVE, points)


ASSUMED = expectation.PRESENT


def tallied(city: City, chosen: Sequence[str], way: str, elsewhere: City) -> Tally:
    """Ask with all chosen sightings, in one way."""
    tally = Tally()
    for tracklet in chosen:
        vehicle, others = city.owner[tracklet], city.others(tracklet)
        query = asked(city, tracklet, way)
        results = search(city.without([tracklet]), query)
        found = ranked(results)
        right = np.array([city.owner.get(each.sighting.tracklet) == vehicle for each in found], np.bool_)
        tally.add(found, right, len(others))
        tally.add_pairs(camera_of(tracklet), found, right, [camera_of(each) for each in others])
        tally.stated += [
            (each.probability, city.owner.get(each.sightings[0].sighting.tracklet) == vehicle)
            for each in results.vehicles
        ]
        if not others:
            tally.once.append(sum(each.probability for each in results.vehicles))
        out = search(city.without([tracklet, *others]), query)
        tally.unasked += [each.probability for each in out.vehicles]
        tally.out.append(sum(each.probability for each in out.vehicles))
        if not query.seen and elsewhere is not city and elsewhere.encoder == city.encoder:
            there = search(elsewhere.index, query)
            tally.elsewhere.append(sum(each.probability for each in there.vehicles))
    return tally


def asked(city: City, tracklet: str, way: str) -> Query:
    """The query by one sighting; by looks alone as if nobody knew where and when it was seen."""
    query = replace(sighting_query(city.index, tracklet), top=TOP, rerank=way == "re-ranked")
    return replace(query, seen=()) if way == "looks alone" else query


def columns(tally: Tally) -> list[str]:
    """The columns of `HEADER` after the second."""
    return [
        str(len(tally.first)),
        f"{np.mean(tally.first):.3f}",
        f"{np.mean(tally.precisions):.3f}",
        *tally.sure(),
        str(tally.shown),
        tally.ece(),
        mean(tally.out),
        f"{mean(tally.once)} ({len(tally.once)})",
        mean(tally.elsewhere),
    ]


def pair_rows(name: str, tally: Tally) -> list[list[str]]:
    """Recall and precision by camera pair with at least FEWEST true sightings, the least found first."""
    known = sorted((right / true, pair) for pair, (true, _, right) in tally.pairs.items() if true >= FEWEST)
    rows = []
    for recall, pair in known:
        true, said, right = tally.pairs[pair]
        rows.append([name, *pair, str(true), f"{recall:.3f}", f"{right / said:.3f}" if said else "-"])
    return rows


def camera_of(tracklet: str) -> str:
    return tracklet.split("|")[0]


def mean(sums: Sequence[float]) -> str:
    return f"{np.mean(sums):.3f}" if sums else "-"


def ranked(results: Results) -> list[FoundSighting]:
    """Sightings that were found, the most probable first."""
    found = [each for vehicle in results.vehicles for each in vehicle.sightings]
    return sorted(found, key=lambda each: (-each.probability, -each.similarity))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", type=Path, help="default: far-bologna by two reported seeds")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--curve", action="store_true")
    given = parser.parse_args()
    logs = given.logs or [made(Draw(CITIES["far-bologna"], seed)) for seed in REPORTED[:2]]
    main(logs, given.queries, pairs=given.pairs, curve=given.curve)
