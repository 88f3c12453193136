"""IDF1 of many namings, against TrackEval's own class."""

import math
from dataclasses import replace

import numpy as np
import pytest
from trackeval.metrics import Identity

from tests.training.scoring.scenes import camera, crowd, rows
from training.scoring.identity import BoxPairs
from training.scoring.tracking import sequence_of
from training.scoring.tracks import CameraTracks, Ints


def by_trackeval(cameras: list[CameraTracks], names: Ints) -> tuple[float, float, float]:
    ends = np.cumsum([len(each.run) for each in cameras])[:-1]
    parts = np.split(names, ends)
    named = [replace(each, run=replace(each.run, ids=ids)) for each, ids in zip(cameras, parts, strict=True)]
    told = Identity({"PRINT_CONFIG": False, "THRESHOLD": 0.5}).eval_sequence(sequence_of(named))
    return told["IDF1"], told["IDP"], told["IDR"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 3, 12, 500])
def test_any_naming_scores_as_with_trackeval(seed: int, count: int) -> None:
    """From one name for all boxes, which is in many places at once, to almost a name for every box."""
    cameras = [crowd(seed), replace(crowd(seed + 100), camera="south")]
    names = np.random.default_rng(seed).integers(0, count, sum(len(each.run) for each in cameras))
    scores = BoxPairs.of(cameras).score(names)
    assert (scores.idf1, scores.idp, scores.idr) == pytest.approx(by_trackeval(cameras, names))


def test_a_vehicle_has_one_name_over_cameras() -> None:
    pair = [camera(rows(1, range(1, 11)), rows(5, range(1, 11)), name=name) for name in "ab"]
    pairs = BoxPairs.of(pair)
    assert pairs.score(np.full(20, 3)).idf1 == 1
    assert pairs.score(np.repeat([3, 4], 10)).idf1 == 0.5
    assert pairs.score(np.arange(20)).idf1 == 1 / 20


def test_nothing_said_and_nothing_there() -> None:
    nothing = np.array([], np.int64)
    missed = BoxPairs.of([camera(rows(1, [1, 2]), [])]).score(nothing)
    assert (missed.idf1, missed.idp, missed.idr) == (0, 0, 0)
    assert math.isnan(BoxPairs.of([camera([], rows(5, [1, 2]))]).score(np.array([5, 5])).idf1)
    assert math.isnan(BoxPairs.of([]).score(nothing).idf1)
