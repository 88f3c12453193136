"""The clustering baseline: what may join, what joins, and in what order nothing matters."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from training.scoring import clustering
from training.scoring.clustering import Tracklets, Windows, cluster
from training.scoring.tracks import Ints

ROAD = Windows.of(3, {}, (0.0, 100.0))


def tracklets(*each: tuple[int, float, float, float]) -> Tracklets:
    """Camera, enter, leave, and an angle in degrees whose differences are the angles between features."""
    table = np.array(each, np.float64).reshape(-1, 4)
    angles = np.radians(table[:, 3])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return Tracklets(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], features)


def partition(labels: Ints) -> list[list[int]]:
    return sorted(np.flatnonzero(labels == each).tolist() for each in set(labels.tolist()))


# Tracklets, windows, floor; then who is together. Cosines: of 10 degrees .985, of 60 degrees .5, of 90 degrees 0.
CASES: dict[str, tuple[Tracklets, Windows, float, list[list[int]]]] = {
    "nobody": (tracklets(), ROAD, 0.5, []),
    "one": (tracklets((0, 0, 5, 0)), ROAD, 0.5, [[0]]),
    "alike, in time": (tracklets((0, 0, 5, 0), (1, 20, 25, 10)), ROAD, 0.9, [[0, 1]]),
    "the floor forbids": (tracklets((0, 0, 5, 0), (1, 20, 25, 60)), ROAD, 0.6, [[0], [1]]),
    "the floor is met": (tracklets((0, 0, 5, 0), (1, 20, 25, 60)), ROAD, 0.49, [[0, 1]]),
    "the window is over": (tracklets((0, 0, 5, 0), (1, 106, 110, 0)), ROAD, 0.5, [[0], [1]]),
    "its last moment": (tracklets((0, 0, 5, 0), (1, 105, 110, 0)), ROAD, 0.5, [[0, 1]]),
    "too early for the window": (
        tracklets((0, 0, 5, 0), (1, 20, 25, 0)),
        Windows.of(2, {(0, 1): (30.0, 60.0)}, (30.0, 60.0)),
        0.5,
        [[0], [1]],
    ),
    "one way only": (
        tracklets((1, 0, 5, 0), (0, 20, 25, 0)),
        Windows.of(2, {(0, 1): (0.0, 60.0)}, None),
        0.5,
        [[0], [1]],
    ),
    "cameras that are not connected": (
        tracklets((0, 0, 5, 0), (1, 20, 25, 0), (2, 20, 25, 0)),
        Windows.of(3, {(0, 1): (0.0, 60.0)}, None),
        0.5,
        [[0, 1], [2]],
    ),
    "views that overlap": (
        tracklets((0, 0, 10, 0), (1, 5, 15, 0)),
        Windows.of(2, {(0, 1): (-8.0, 60.0)}, None),
        0.5,
        [[0, 1]],
    ),
    "two at once in one camera": (
        tracklets((0, 0, 10, 0), (0, 5, 15, 0)),
        Windows.of(1, {(0, 0): (-100.0, 100.0)}, None),
        0.5,
        [[0], [1]],
    ),
    "a broken track": (tracklets((0, 0, 10, 0), (0, 11, 15, 0)), ROAD, 0.5, [[0, 1]]),
    # 1 is nearest to 2 and takes it; 0 was at once with 1 and cannot come, though it is like 2 as well.
    "all pairs of a cluster must be possible": (
        tracklets((0, 0, 10, 10), (0, 5, 15, 0), (1, 30, 35, 1)),
        ROAD,
        0.9,
        [[0], [1, 2]],
    ),
    # Cosines .87 and .87, but .5 from end to end: 0-1 joins at .87, then (.87 + .5) / 2 = .68.
    "the average counts": (tracklets((0, 0, 1, 0), (1, 10, 11, 29.9), (2, 20, 21, 60)), ROAD, 0.7, [[0, 1], [2]]),
    "the average is enough": (tracklets((0, 0, 1, 0), (1, 10, 11, 29.9), (2, 20, 21, 60)), ROAD, 0.67, [[0, 1, 2]]),
}


@pytest.mark.parametrize("case", CASES)
def test_who_comes_together(case: str) -> None:
    given, windows, floor, expected = CASES[case]
    assert partition(cluster(given, windows, floor).cut(floor)) == expected


def crowd(seed: int, count: int = 120) -> Tracklets:
    rng = np.random.default_rng(seed)
    enter_s = rng.uniform(0, 400, count)
    features = rng.normal(size=(count, 3)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Tracklets(rng.integers(0, 3, count), enter_s, enter_s + rng.uniform(2, 20, count), features)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [1, 7, 512])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, seed: int, rows: int) -> None:
    given, windows = crowd(seed), Windows.of(3, {(0, 1): (5.0, 40.0)}, (0.0, 60.0))
    apart = 1 - (given.features @ given.features.T).astype(np.float64)
    apart = np.where(windows.allow(given, given), np.maximum(apart, 0), clustering.FORBIDDEN)
    whole = linkage(apart[np.triu_indices(len(given), 1)], "average")
    monkeypatch.setattr(clustering, "ROWS", rows)
    for lowest, floor in ((0.9, 0.9), (0.5, 0.5), (0.5, 0.8), (-1.0, 0.8)):
        found = partition(cluster(given, windows, lowest).cut(floor))
        assert found == partition(fcluster(whole, 1 - floor, "distance"))


@pytest.mark.parametrize("floor", [0.2, 0.6, 0.9])
def test_every_pair_of_a_cluster_is_possible_and_order_is_irrelevant(floor: float) -> None:
    given = crowd(5)
    labels = cluster(given, ROAD, floor).cut(floor)
    allowed = ROAD.allow(given, given) | np.eye(len(given), dtype=np.bool_)
    groups = partition(labels)
    assert max(map(len, groups)) > 1
    assert all(allowed[np.ix_(group, group)].all() for group in groups)
    order = np.random.default_rng(0).permutation(len(given))
    shuffled = cluster(given.select(order), ROAD, floor).cut(floor)
    back = np.empty_like(shuffled)
    back[order] = shuffled
    assert partition(back) == groups
