"""Scores against values worked out by hand, and against another library."""

import math
from dataclasses import astuple, replace

import motmetrics
import numpy as np
import pytest

from tests.training.scoring.scenes import Row, camera, crowd, rows
from training.scoring.tracking import TrackScores, score_tracks
from training.scoring.tracks import CameraTracks, TrackedBoxes

ALL = range(1, 11)
ROOT_HALF = math.sqrt(0.5)

# One vehicle in ten frames: what a run says of it; IDF1, IDP, IDR, HOTA, DetA, AssA, MOTA, switches, fragmentations.
BY_HAND: dict[str, tuple[list[Row], tuple[float, ...]]] = {
    "perfect": (rows(5, ALL), (1, 1, 1, 1, 1, 1, 1, 0, 0)),
    # The better half is right (5), the other is 5 wrong and 5 missing; every true positive shares 5 of 10 frames.
    "a switch halfway": (
        rows(5, range(1, 6)) + rows(6, range(6, 11)),
        (0.5, 0.5, 0.5, ROOT_HALF, 1, 0.5, 0.9, 1, 0),
    ),
    # 7 of 10 found under one id: IDF1 = 2 * 7 / (10 + 7). Frames on which a run has nothing at all do not fragment.
    "a gap of three": (rows(5, [1, 2, 3, 7, 8, 9, 10]), (14 / 17, 1, 0.7, 0.7, 0.7, 0.7, 0.7, 0, 0)),
    # 10 right and 10 wrong boxes.
    "a ghost beside it": (
        rows(5, ALL) + rows(6, ALL, left=500),
        (2 / 3, 0.5, 1, ROOT_HALF, 0.5, 1, 0, 0, 0),
    ),
    # IoU 76 / 124 = .613: found at 12 of HOTA's 19 thresholds, and at .5.
    "a shifted box": (rows(5, ALL, left=24), (1, 1, 1, 12 / 19, 12 / 19, 12 / 19, 1, 0, 0)),
    # IoU 50 / 150 = .333: found at 6 of 19 thresholds, not at .5: ten missed and ten wrong.
    "a box too far off": (rows(5, ALL, left=50), (0, 0, 0, 6 / 19, 6 / 19, 6 / 19, -1, 0, 0)),
    "nothing": ([], (0, 0, 0, 0, 0, 0, 0, 0, 0)),
}


def main_scores(scores: TrackScores) -> tuple[float, ...]:
    shares = (scores.idf1, scores.idp, scores.idr, scores.hota, scores.deta, scores.assa, scores.mota)
    return (*shares, scores.id_switches, scores.fragmentations)


@pytest.mark.parametrize("name", BY_HAND)
def test_values_worked_out_by_hand(name: str) -> None:
    run, expected = BY_HAND[name]
    assert main_scores(score_tracks([camera(rows(1, ALL), run)])) == pytest.approx(expected)


def test_a_vehicle_lost_beside_another_is_a_fragmentation() -> None:
    truth = rows(1, ALL) + rows(2, ALL, left=300)
    run = rows(5, [1, 2, 3, 7, 8, 9, 10]) + rows(6, ALL, left=300)
    scores = score_tracks([camera(truth, run)])
    assert (scores.fragmentations, scores.id_switches) == (1, 0)


def test_counts_say_what_was_compared() -> None:
    scores = score_tracks([camera(rows(1, ALL) + rows(2, range(1, 6), left=300), rows(5, ALL))])
    counts = (scores.frames, scores.true_boxes, scores.true_ids, scores.run_boxes, scores.run_ids)
    assert counts == (10, 15, 2, 10, 1)
    assert (scores.precision, scores.recall) == pytest.approx((1, 2 / 3))


@pytest.mark.parametrize(("second_id", "idf1", "switches"), [(5, 1.0, 0), (6, 0.5, 1)])
def test_an_id_over_cameras_is_right_or_wrong_as_a_whole(second_id: int, idf1: float, switches: int) -> None:
    pair = [camera(rows(1, ALL), rows(5, ALL), name="a"), camera(rows(1, ALL), rows(second_id, ALL), name="b")]
    scores = score_tracks(pair)
    assert scores.idf1 == pytest.approx(idf1)
    assert scores.id_switches == switches
    assert [score_tracks([each]).idf1 for each in pair] == [1.0, 1.0]
    assert score_tracks(pair[::-1]).idf1 == pytest.approx(idf1)


def test_one_id_in_two_places_is_wrong_in_one_of_them() -> None:
    scores = score_tracks([camera(rows(1, ALL), rows(5, ALL) + rows(5, ALL, left=500))])
    assert main_scores(scores) == pytest.approx(BY_HAND["a ghost beside it"][1])
    assert scores.run_ids == 1


def test_names_of_ids_and_the_order_of_rows_make_no_difference() -> None:
    scene = crowd(3)
    order = np.random.default_rng(0).permutation(len(scene.run))
    shuffled = TrackedBoxes(scene.run.frames[order], scene.run.ids[order] * 7 + 3, scene.run.boxes[order])
    assert astuple(score_tracks([replace(scene, run=shuffled)])) == pytest.approx(astuple(score_tracks([scene])))


def test_no_truth_has_no_score() -> None:
    scores = score_tracks([camera([], rows(5, ALL))])
    assert math.isnan(scores.idf1)
    assert math.isnan(scores.hota)
    assert (scores.true_boxes, scores.run_boxes) == (0, 10)


@pytest.mark.parametrize("seed", range(6))
def test_another_library_agrees(seed: int) -> None:
    scene = crowd(seed)
    ours, theirs = score_tracks([scene]), _by_motmetrics(scene)
    assert theirs["num_switches"] > 0
    assert theirs["num_false_positives"] > 0
    assert (ours.idf1, ours.idp, ours.idr, ours.mota, ours.precision, ours.recall) == pytest.approx(
        tuple(theirs[name] for name in ("idf1", "idp", "idr", "mota", "precision", "recall"))
    )
    assert (ours.id_switches, ours.true_ids) == (theirs["num_switches"], theirs["num_unique_objects"])


def _by_motmetrics(scene: CameraTracks) -> dict[str, float]:
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for true_at, run_at, similarity in scene.pairs():
        distances = np.where(similarity >= 0.5, 1 - similarity, np.nan)
        accumulator.update(scene.truth.ids[true_at], scene.run.ids[run_at], distances)
    names = ["idf1", "idp", "idr", "mota", "precision", "recall", "num_switches", "num_unique_objects"]
    table = motmetrics.metrics.create().compute(accumulator, metrics=[*names, "num_false_positives"])
    return {name: float(table[name].iloc[0]) for name in table.columns}
