"""Links by the way between two cameras: which ways association finds, and how sharp their travel times are.

`python -m tests.bench.association_city.ways LOG [--fewest N]` associates a log of `corridor city observations`, and
prints of every ordered pair of cameras with enough true links (the next tracklet of a vehicle, before another camera)
how many were found in the end, and how many of the strangers before the second camera look less like the vehicle than
itself (vectors less their camera's mean): a half by chance.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embed.observation import unpack_vector
from ingest.clock import NS
from tests.bench.association_city.logs import CityLog, associate, read_city_log
from tests.bench.association_city.rows import configuration, ours
from tests.bench.measure import table
from training.scoring.decisions import read_decisions

FEWEST = 50
HEADER = [
    "from",
    "to",
    "true links",
    "found",
    "from leaving to coming, s: 5 %",
    "median",
    "95 %",
    "strangers less alike",
]
QUARTERS = 4


def true_links(log: CityLog) -> Iterator[tuple[int, int]]:
    """Each vehicle's tracklets that follow one another before two cameras, by number."""
    latest, of_vehicle = log.run.latest, defaultdict[int, list[int]](list)
    sightings = log.comparison.sightings
    for tracklet in sorted(sightings.visit_of, key=lambda each: (latest[each].first_ns, each)):
        vehicle = sightings.vehicle_of(tracklet)
        if vehicle is not None:
            of_vehicle[vehicle].append(tracklet)
    for own in of_vehicle.values():
        yield from (pair for pair in pairwise(own) if latest[pair[0]].camera != latest[pair[1]].camera)


def looks_of(log: CityLog) -> tuple[dict[str, list[int]], dict[int, NDArray[np.float32]]]:
    """Tracklets by camera, and their vectors less the camera's mean, of norm 1."""
    of_camera, vectors = defaultdict[str, list[int]](list), dict[int, NDArray[np.float32]]()
    for tracklet in sorted(log.comparison.sightings.visit_of):
        of_camera[log.run.latest[tracklet].camera].append(tracklet)
    for own in of_camera.values():
        seen = np.stack([unpack_vector(log.run.latest[tracklet].vector) for tracklet in own])
        apart = seen - seen.mean(axis=0)
        apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
        vectors |= dict(zip(own, apart, strict=True))
    return of_camera, vectors


def main(path: Path, fewest: int = FEWEST) -> None:
    """Print the ways of a log, the busiest first, and the share found by quarters of its time."""
    log = read_city_log(path)
    latest = log.run.latest
    identity = read_decisions(associate(log.messages, ours(configuration(log))), log.run.tracklets).identities()
    links = list(true_links(log))
    found = {(one, other): one in identity and identity[one] == identity.get(other) for one, other in links}
    (of_camera, vectors), vehicle = looks_of(log), log.true_identities
    ways = defaultdict[tuple[str, str], list[tuple[int, int]]](list)
    for one, other in links:
        ways[latest[one].camera, latest[other].camera].append((one, other))
    rows = []
    for (start, end), own in sorted(ways.items(), key=lambda way: (-len(way[1]), way[0])):
        if len(own) >= fewest:
            gaps_s = [(latest[other].first_ns - latest[one].last_ns) / NS for one, other in own]
            share = sum(found[link] for link in own) / len(own)
            there = np.stack([vectors[each] for each in of_camera[end]])
            owners = np.array([vehicle[each] for each in of_camera[end]])
            less = [
                np.mean(there[owners != vehicle[one]] @ vectors[one] < vectors[other] @ vectors[one])
                for one, other in own
            ]
            times = (f"{s:.1f}" for s in np.percentile(gaps_s, [5, 50, 95]))
            rows.append([start, end, str(len(own)), f"{share:.2f}", *times, f"{np.mean(less):.2f}"])
    table(HEADER, rows)
    shown = sum(int(row[2]) for row in rows)
    print(f"\n{len(rows)} of {len(ways)} ways have {fewest} true links or more: {shown} of {len(links)} links")
    begin_ns = min(each.first_ns for each in latest.values())
    span_ns = max(each.first_ns for each in latest.values()) - begin_ns + 1
    true, right = Counter[int](), Counter[int]()
    for link in links:
        quarter = (latest[link[1]].first_ns - begin_ns) * QUARTERS // span_ns
        true[quarter] += 1
        right[quarter] += found[link]
    shares = ", ".join(f"{right[quarter] / max(1, true[quarter]):.2f}" for quarter in range(QUARTERS))
    print(f"found by quarters of the time: {shares}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--fewest", type=int, default=FEWEST, help="true links of a way that has a row")
    given = parser.parse_args()
    main(given.log, given.fewest)
