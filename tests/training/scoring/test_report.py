"""All scores of a run at once."""

import pytest

from tests.training.scoring.scenes import camera, rows
from training.scoring.links import score_links
from training.scoring.report import score_run
from training.scoring.tracking import score_tracks

ALL = range(1, 11)
A = camera(rows(1, ALL), rows(11, range(1, 6)) + rows(12, range(6, 11)), name="a")
B = camera(rows(1, ALL), rows(21, ALL), name="b", begins_s=60.0)


def test_cameras_are_scored_by_tracklet_and_together_by_identity() -> None:
    scores = score_run([A, B], {11: 0, 12: 0, 21: 0})
    assert {name: each.idf1 for name, each in scores.cameras.items()} == {"a": 0.5, "b": 1.0}
    assert scores.together is not None
    assert scores.together.idf1 == 1
    assert scores.links == score_links([A, B], {11: 0, 12: 0, 21: 0})


def test_tracklets_of_no_identity_are_not_put_together() -> None:
    together = score_run([A, B], {21: 0}).together
    assert together is not None
    assert together.run_ids == 3
    assert together.idf1 == pytest.approx(10 / 20)


def test_cameras_that_number_their_own_vehicles() -> None:
    scores = score_run([A, B], {11: 0, 12: 0, 21: 0}, shared_ids=False)
    assert scores.links is None
    assert scores.together is not None
    assert (scores.together.true_ids, scores.together.run_ids) == (2, 3)
    assert scores.together.idf1 == pytest.approx(15 / 20)


def test_one_camera_has_nothing_to_put_together() -> None:
    scores = score_run([A], {11: 0})
    assert (scores.together, scores.links) == (None, None)
    assert scores.cameras == {"a": score_tracks([A])}
