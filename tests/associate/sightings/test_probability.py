"""Probabilities of sightings: likeness against how many were searched, and against each other."""

import numpy as np
import pytest

from associate.links.appearance import Calibration
from associate.sightings.probability import STRONGEST, calibrated, evidence, probabilities


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


LIKE = Calibration()


def drawn(rng: np.random.Generator, count: int) -> np.ndarray:
    """Similarities of two vehicles: chance, and one in twenty a look-alike, ever fewer towards 1."""
    assert LIKE.tail_from is not None
    assert LIKE.tail_mean is not None
    chance = rng.normal(LIKE.others, LIKE.others_deviation, count)
    room = 1 - LIKE.tail_from
    alike = 1 - room * rng.uniform(size=count) ** (1 / (room / LIKE.tail_mean - 1))
    return np.where(rng.uniform(size=count) < 0.05, alike, np.minimum(chance, LIKE.tail_from))


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.55), (0.7, 0.72), (0.76, 0.78)])
def test_evidence_is_how_much_oftener_one_vehicle_looks_so_than_two(low: float, high: float) -> None:
    rng = np.random.default_rng(20)
    same = rng.normal(LIKE.same, LIKE.same_deviation, 1_000_000)
    of_same, of_others = (np.mean((each > low) & (each < high)) for each in (same, drawn(rng, 1_000_000)))
    stated = evidence(np.array([(low + high) / 2]), LIKE)[0]
    assert stated == pytest.approx(0.92 * of_same / of_others + 0.08, rel=0.25)


def test_two_vehicles_are_no_evidence_in_the_mean() -> None:
    assert evidence(drawn(np.random.default_rng(21), 200_000), LIKE).mean() == pytest.approx(1, abs=0.15)


def test_evidence_rises_with_similarity_and_is_bounded() -> None:
    stated = evidence(np.linspace(-1, 1, 200), LIKE)
    assert (np.diff(stated) >= 0).all()
    assert 0.08 <= stated[0] < 0.2
    assert 0.9 * np.exp(STRONGEST) < stated[-1] < np.exp(STRONGEST)


def test_evidence_without_knowledge_of_look_alikes_is_that_of_association() -> None:
    without = Calibration(tail_from=None, tail_mean=None)
    assert evidence(np.array([0.6]), without)[0] == pytest.approx(np.exp(without.term(np.array([0.6]))[0]))


def test_evidence_where_many_look_the_same_to_the_last_digit() -> None:
    stated = evidence(np.array([0.0, 0.9, 1.0]), Calibration(tail_from=1.0, tail_mean=0.02))
    assert np.isfinite(stated).all()
