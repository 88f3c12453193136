"""Search in the city: precision, recall, ranks and calibration of queries by one sighting.

`python -m tests.bench.search.quality LOG…` takes logs of `corridor city observations` with their truth beside them.
Each log is associated and indexed; then sightings drawn from it are searched for in it, and, as vehicles that are not
there, in the index of the next log.
"""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from deploy.log.opening import open_log
from deploy.search.asking import FoundSighting, Query, Results, search, sighting_query
from deploy.search.index.reader import SightingsIndex
from deploy.search.indexing import Indexer
from deploy.search.settings import SearchSettings
from deploy.site.config import load_config
from tests.bench.association_city.cities import CITIES, REPORTED, Draw, made
from tests.bench.association_city.logs import read_city_log
from tests.bench.measure import table
from training.scoring.reliability import reliability

QUERIES = 1000
BINS = 10
TOP = 10_000
SURE = (0.5, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """An index of one city, and whose each tracklet is; a tracklet that follows nobody is missing."""

    name: str
    index: SightingsIndex
    owner: dict[str, int]


def main(paths: Sequence[str] = ()) -> None:
    """Measure the reported cities, or the logs of some paths."""
    logs = [Path(each) for each in paths] or [made(Draw(CITIES["far-bologna"], seed)) for seed in REPORTED[:2]]
    with TemporaryDirectory(prefix="corridor-search-") as folder:
        cities = [indexed(log, Path(folder) / log.stem) for log in logs]
        rows = []
        for place, city in enumerate(cities):
            rng = np.random.default_rng(9201)
            asked = sorted(city.owner)
            chosen = [asked[each] for each in rng.permutation(len(asked))[:QUERIES]]
            elsewhere = cities[(place + 1) % len(cities)]
            for how in ("time and place", "neither", "re-ranked"):
                rows.append([city.name, how, *measured(city, chosen, how, elsewhere)])
        table(HEADER, rows)


HEADER = ["city", "by", "queries", "rank-1", "mAP", *(f"P R at {sure}" for sure in SURE), "results", "ECE", "not there"]


def indexed(log_path: Path, folder: Path) -> City:
    """Associate a log on a copy of it, and index that."""
    from deploy.site.wiring import make_association_worker

    known = read_city_log(log_path)
    folder.mkdir(parents=True)
    copy = folder / log_path.name
    copy.write_bytes(log_path.read_bytes())
    config = load_config(log_path.with_suffix(".toml"))
    with closing(open_log(f"sqlite:{copy}")) as log:
        worker = make_association_worker(config, log)
        worker.drain()
        settings = SearchSettings(folder=str(folder / "index"), keep_days=1e5)
        indexer = Indexer(log, settings)
        indexer.drain()
        indexer.close()
    sightings = known.comparison.sightings
    owner = {
        tracklet: vehicle
        for tracklet, number in known.run.tracklets.items()
        if number in sightings.visit_of and (vehicle := sightings.vehicle_of(number)) is not None
    }
    return City(log_path.stem, SightingsIndex(folder / "index"), owner)


def ask(city: City, tracklet: str, how: str) -> tuple[Query, Results]:
    """The results for one sighting."""
    query = replace(sighting_query(city.index, tracklet), top=TOP, rerank=how == "re-ranked")
    return query, search(city.index, without_time(query) if how == "neither" else query)


def without_time(query: Query) -> Query:
    """The query as if nobody knew where and when it was seen."""
    return replace(query, seen=())


def measured(city: City, chosen: Sequence[str], how: str, elsewhere: City) -> list[str]:
    """The columns of `HEADER` after the second."""
    stated: list[tuple[float, bool]] = []
    first, precisions, absent = [], [], []
    hits = {sure: [0, 0] for sure in SURE}
    true = 0
    for tracklet in chosen:
        if city.index.of_tracklet(tracklet) is None:
            continue
        vehicle = city.owner[tracklet]
        others = sum(1 for each, owner in city.owner.items() if owner == vehicle and each != tracklet)
        query, results = ask(city, tracklet, how)
        found = ranked(results, tracklet)
        right = np.array([city.owner.get(each.sighting.tracklet) == vehicle for each in found])
        true += others
        for sure, count in hits.items():
            said = np.array([each.probability >= sure for each in found])
            count[0] += int(said.sum())
            count[1] += int((said & right).sum())
        if others:
            first.append(bool(len(right) and right[0]))
            at = np.flatnonzero(right) + 1
            precisions.append(float((np.arange(1, len(at) + 1) / at).sum() / others))
        stated += [
            (each.probability, city.owner.get(each.sightings[0].sighting.tracklet) == vehicle)
            for each in results.vehicles
            if each.sightings[0].sighting.tracklet != tracklet
        ]
        if how == "neither" and elsewhere is not city:
            there = search(elsewhere.index, without_time(query))
            absent.append(sum(each.probability for each in there.vehicles))
    both = np.array(stated, np.float64)
    # What nobody would be shown says nothing about calibration.
    shown = both[both[:, 0] >= 0.02]
    calibration = reliability(shown[:, 0], shown[:, 1] > 0, bins=BINS)
    return [
        str(len(first)),
        f"{np.mean(first):.3f}",
        f"{np.mean(precisions):.3f}",
        *(f"{right / max(said, 1):.3f} {right / max(true, 1):.3f}" for said, right in hits.values()),
        str(len(shown)),
        "-" if calibration is None else f"{calibration.ece:.3f}",
        f"{np.mean(absent):.3f}" if absent else "-",
    ]


def ranked(results: Results, tracklet: str) -> list[FoundSighting]:
    """Sightings that were found, the most probable first, without the one that was asked with."""
    found = [each for vehicle in results.vehicles for each in vehicle.sightings if each.sighting.tracklet != tracklet]
    return sorted(found, key=lambda each: (-each.probability, -each.similarity))


if __name__ == "__main__":
    main(sys.argv[1:])
