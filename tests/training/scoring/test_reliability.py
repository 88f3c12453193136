"""Calibration against values worked out by hand."""

import numpy as np
import pytest

from associate.trajectory import Kind
from tests.training.scoring.scenes import camera, rows
from training.scoring.decisions import Decisions, StatedProbability
from training.scoring.reliability import reliability, run_reliability
from training.scoring.sightings import sightings_of

ALL = range(1, 11)

# Probabilities, which are right; then ECE, ECE over equal counts (two bins), Brier score.
CASES: dict[str, tuple[list[float], list[int], tuple[float, float, float | None]]] = {
    "sure and right": ([1.0, 1.0], [1, 1], (0, 0, 0)),
    "sure and wrong": ([1.0, 1.0], [0, 0], (1, 1, 1)),
    "half and half": ([0.5, 0.5], [0, 1], (0, 0, 0.25)),
    # Bins .2-.3: stated .25, right .5; .8-.9: stated .85, right 1. The halves are the same four.
    "two bins": ([0.2, 0.3 - 1e-9, 0.8, 0.9 - 1e-9], [1, 0, 1, 1], (0.2, 0.2, (0.64 + 0.09 + 0.04 + 0.01) / 4)),
    # In one bin of equal width errors cancel; apart they are .04 and .96.
    "errors that cancel": (
        [0.96, 0.96, 0.94, 0.94],
        [1, 1, 1, 0],
        (0.2, (0.04 + 0.44) / 2, (0.0032 + 0.0036 + 0.8836) / 4),
    ),
    # 3 of 4 lie in the upper bin.
    "bins count by what is in them": ([0.1, 0.75, 0.75, 0.75], [0, 1, 1, 0], ((0.1 + 0.25) / 4, 0.0875, None)),
}


@pytest.mark.parametrize("case", CASES)
def test_errors_worked_out_by_hand(case: str) -> None:
    probabilities, right, (ece, adaptive, brier) = CASES[case]
    found = reliability(np.array(probabilities), np.array(right, np.bool_))
    halves = reliability(np.array(probabilities), np.array(right, np.bool_), bins=2)
    assert found is not None
    assert halves is not None
    assert found.ece == pytest.approx(ece, abs=1e-8)
    assert halves.adaptive_ece == pytest.approx(adaptive, abs=1e-8)
    if brier is not None:
        assert found.brier == pytest.approx(brier, abs=1e-8)
    for bins in (found.bins, found.equal_bins):
        assert sum(each.right.trials for each in bins) == len(right)
        assert all(each.low <= each.stated <= each.high and each.right.low <= each.right.value for each in bins)


def test_what_is_drawn_as_it_is_stated_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(50_000)
    found = reliability(probabilities, rng.random(50_000) < probabilities)
    assert found is not None
    assert max(found.ece, found.adaptive_ece) < 0.01
    assert found.brier == pytest.approx(1 / 6, abs=0.005)
    assert [each.right.trials for each in found.equal_bins] == pytest.approx([5000] * 10, abs=1)
    squared = reliability(probabilities, rng.random(50_000) < probabilities**2)
    assert squared is not None
    assert squared.ece == pytest.approx(1 / 6, abs=0.01)


def test_of_nothing_nothing_is_said() -> None:
    assert reliability(np.array([]), np.array([], np.bool_)) is None


def test_statements_are_judged_by_the_vehicles_that_tracklets_follow() -> None:
    truth = rows(1, ALL) + rows(2, ALL, left=300)
    first = camera(truth, rows(11, ALL) + rows(12, ALL, left=300) + rows(19, ALL, left=700), name="a")
    second = camera(truth, rows(21, ALL) + rows(22, ALL, left=300), name="b", begins_s=60.0)
    new = [StatedProbability(Kind.CONFIRMED, 11, None, 0.9), StatedProbability(Kind.CONFIRMED, 12, None, 0.8)]
    links = [
        StatedProbability(Kind.EXTENDED, 21, 11, 0.7),  # right
        StatedProbability(Kind.EXTENDED, 22, 11, 0.6),  # wrong
        StatedProbability(Kind.EXTENDED, 22, 19, 0.5),  # with a stray: wrong
        StatedProbability(Kind.EXTENDED, 22, 77, 0.4),  # with a tracklet on no scored frame: left out
        StatedProbability(Kind.PROVISIONAL, 22, 12, 0.3),  # right, while in view
    ]
    late = [
        StatedProbability(Kind.CONFIRMED, 22, None, 0.2),
        StatedProbability(Kind.CONFIRMED, 19, None, 0.1),
    ]  # known before; a stray
    found = run_reliability(Decisions({}, [*new, *links, *late]), sightings_of([first, second]))
    told = {name: (it.right.hits, it.right.trials, round(it.stated, 6)) for name, it in found.items()}
    assert told == {"new": (2, 3, round(1.9 / 3, 6)), "links": (1, 3, 0.6), "provisional": (1, 1, 0.3)}
