"""Vehicles that unlabelled crops of one camera show at several moments, found by a teacher's vectors: `python -m
tests.bench.encoder.moments FEATURES.npz OUT` writes them as a set with identities, to train on.

Crops that follow each other at a camera often show one vehicle. Two are taken for one where the second is the first's
likest of the moments after it, the first the second's likest of those before, and nobody else of that camera, seen
long before or after or at the same moment, is as like. Pairs that share a crop make one vehicle.
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.tracking import DATA
from training.teacher.vectors import load_teacher_vectors

NAMES = tuple(re.compile(each) for each in (r"(cctv/[a-z]+)(\d+)\.jpg", r"(road/.+)_mp4-(\d+)_\d+\.jpg"))
"""Names of crops: who took them, and the number of the moment."""
NEXT, LATER = 2, 8
"""Moments within which a vehicle may be seen again, and after which another one is."""
ALIKE = 0.6
"""Least cosine of two crops of a vehicle."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("features", type=Path, help="of images:DATA/reid/unlabelled, by corridor encoder teach")
    parser.add_argument("out", type=Path, help="folder of the set, made new")
    arguments = parser.parse_args()
    teacher = load_teacher_vectors(arguments.features)
    vehicles = vehicles_of(teacher.names, teacher.features.astype(np.float32))
    arguments.out.mkdir(parents=True)
    (arguments.out / "crops").symlink_to((DATA / "reid" / "unlabelled").resolve())
    with (arguments.out / "images.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "identity", "camera", "split"])
        for number, names in enumerate(vehicles):
            lines.writerows((f"crops/{name}", f"{number}", moment(name)[0], "train") for name in names)
    crops = sum(map(len, vehicles))
    print(f"{len(vehicles)} vehicles in {crops} of {len(teacher.names)} crops; the rest show nobody twice")


def moment(name: str) -> tuple[str, int]:
    """Camera and moment of a crop; raises ValueError for a name of another kind."""
    for names in NAMES:
        if found := names.fullmatch(name):
            return found[1], int(found[2])
    raise ValueError(f"'{name}' is named like no crop of reid/unlabelled")


def vehicles_of(names: NDArray[np.str_], vectors: NDArray[np.float32]) -> list[list[str]]:
    """Names of the crops of each vehicle that is seen at two moments or more, in their order; vectors: (N, D)."""
    cameras = defaultdict(list)
    for row, name in enumerate(names.tolist()):
        cameras[moment(name)[0]].append(row)
    found = []
    for rows in map(np.array, cameras.values()):
        times = np.array([moment(name)[1] for name in names[rows].tolist()])
        found += [names[rows[group]].tolist() for group in _groups(pairs(vectors[rows], times), len(rows))]
    return found


def pairs(vectors: NDArray[np.float32], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 2) rows of one camera's crops that show one vehicle, by vectors (N, D) and times (N,)."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike, later = unit @ unit.T, times[None, :] - times[:, None]
    strangers = (np.abs(later) > LATER) | ((later == 0) & ~np.eye(len(times), dtype=bool))
    likest_stranger = np.where(strangers, alike, -1.0).max(axis=1)
    # Step 1: of each crop, the likest of those that follow it, and of those that it follows
    near = np.where((later > 0) & (later <= NEXT), alike, -1.0)
    following, before, rows = near.argmax(axis=1), near.argmax(axis=0), np.arange(len(times))
    # Step 2: pairs of which each is the other's likest, and liker than whoever is surely another vehicle
    found = near[rows, following]
    taken = (before[following] == rows) & (found >= ALIKE)
    taken &= found > np.maximum(likest_stranger, likest_stranger[following])
    return np.stack([rows[taken], following[taken]], axis=1)


def _groups(joined: NDArray[np.int64], count: int) -> list[list[int]]:
    """Rows of each group of two or more that pairs (n, 2) join."""
    of = np.arange(count)
    for first, second in joined.tolist():
        of[of == of[second]] = of[first]
    return [rows for each in np.unique(of) if len(rows := np.flatnonzero(of == each).tolist()) > 1]


if __name__ == "__main__":
    main()
