"""Probabilities of sightings: likeness against how many were searched, and against each other."""

import numpy as np
import pytest

from associate.links.appearance import Calibration
from associate.sightings.probability import calibrated, probabilities


def stated(similarity: list[float], prior: float, cameras: list[int], enter_s: list[float]) -> list[float]:
    columns = np.array(similarity), np.full(len(similarity), prior), np.array(cameras), np.array(enter_s)
    found: list[float] = probabilities(*columns, Calibration()).tolist()
    return found


def test_the_more_are_searched_the_less_a_likeness_says() -> None:
    assert stated([0.8], 1.0, [1], [0.0])[0] > 0.9 > 0.5 > stated([0.8], 0.001, [1], [0.0])[0]


def test_the_more_alike_the_more_probable() -> None:
    found = stated([0.1, 0.4, 0.7], 0.05, [1, 2, 3], [0.0, 0.0, 0.0])
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("cameras", "enter_s", "compete"),
    [([1, 1], [0.0, 30.0], True), ([1, 2], [0.0, 30.0], False), ([1, 1], [0.0, 86_400.0], False)],
    ids=["one passage", "two cameras", "another day"],
)
def test_of_one_camera_s_sightings_at_a_time_one_can_be_right(
    cameras: list[int], enter_s: list[float], compete: bool
) -> None:
    alone = stated([0.8], 1.0, [1], [0.0])[0]
    both = stated([0.8, 0.8], 1.0, cameras, enter_s)
    assert both[0] == both[1]
    assert (both[0] < 0.6 * alone) == compete
    assert sum(both) <= 1 or not compete


def test_similarities_of_two_vehicles_are_those_of_the_index() -> None:
    start = Calibration()
    assert calibrated(np.zeros(10), start) is start
    learned = calibrated(np.random.default_rng(0).normal(0.1, 0.05, 5000), start)
    assert learned.others == pytest.approx(0.1, abs=0.01)
    assert learned.others_deviation == pytest.approx(0.05, abs=0.01)
