"""Nothing of the query's own camera is searched, and a paired test counts what only one of two encoders gets right."""

import numpy as np
import pytest

from training.evaluation.other_cameras import Taken, rank_elsewhere, selected, views_between_deg, wrong_from
from training.evaluation.paired import PairedTest, two_sided


def taken(rows: list[tuple[str, str, float, float]]) -> Taken:
    """Rows of identity, camera, view and direction of a vector of two numbers, in degrees."""
    identities, cameras, views, directions = zip(*rows, strict=True)
    turns = np.radians(directions)
    vectors = np.column_stack([np.cos(turns), np.sin(turns)]).astype(np.float32)
    return Taken(vectors, np.array(identities), np.array(cameras), np.array(views, np.float64))


SET = taken(
    [
        ("a", "1", 0, 0),
        ("b", "1", 0, 1),  # the nearest of all to the first, but of its own camera
        ("c", "2", 0, 3),
        ("a", "2", 170, 5),
        ("a", "3", 10, 8),
        ("d", "3", 0, 40),
    ]
)


def test_other_vehicles_of_the_query_s_own_camera_are_not_searched() -> None:
    ranking = rank_elsewhere(SET, SET)
    assert ranking.first.tolist() == [2, 0, 0, 1, 1, 0], "c stands before a; b, c and d are seen once"
    assert ranking.precision[0] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert ranking.precision[4] == pytest.approx((1 + 2 / 4) / 2), "a in camera 2, c, b, a in camera 1"


@pytest.mark.parametrize(("limits", "first"), [((0.0, 30.0), 2), ((150.0, 181.0), 2), ((30.0, 150.0), 0)])
def test_only_views_so_far_apart_are_right_and_the_others_neither(limits: tuple[float, float], first: int) -> None:
    assert rank_elsewhere(SET, SET, limits).first[0] == first


def test_angles_go_round() -> None:
    assert views_between_deg(-170.0, np.array([170.0, 10.0, -170.0])).tolist() == [20.0, 180.0, 0.0]


def test_subsets_without_an_answered_query_are_left_out() -> None:
    ranking = rank_elsewhere(SET, SET)
    subsets = {"first": np.arange(6) < 4, "nobody": np.arange(6) == 1}
    found = selected(ranking, subsets)
    assert list(found) == ["first"]
    assert found["first"].first.tolist() == [2, 1]


def test_wrong_answers_of_the_query_s_own_group() -> None:
    light = np.array(["day", "night", "day", "night", "night", "day"])
    assert wrong_from(SET, SET, light, light) == pytest.approx(1 / 4), "two of a are answered right"
    assert np.isnan(wrong_from(taken([("a", "1", 0, 0)]), taken([("a", "2", 0, 0)]), light, light))


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (5, 5, 1.0), (10, 0, 2 / 1024), (1, 9, 22 / 1024), (900, 300, 0.0)], ids=str
)
def test_the_exact_paired_test(gained: int, lost: int, p: float) -> None:
    assert two_sided(gained, lost) == pytest.approx(p, abs=1e-12)
    assert two_sided(lost, gained) == two_sided(gained, lost)


def test_what_both_get_right_or_wrong_says_nothing() -> None:
    first, second = np.array([True, True, True, False]), np.array([True, False, False, False])
    assert PairedTest.of(first, second) == PairedTest(only_first=2, only_second=0, p=0.5)
