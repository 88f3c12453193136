"""Probabilities of links by belief propagation, and the best assignment, against all matchings counted one by one."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from associate.links.probabilities import best_links, link_probabilities

Matching = list[int]


def matchings(later: NDArray[np.int64], earlier: NDArray[np.int64]) -> list[Matching]:
    """Every set of links in which no end is used twice on its side."""
    found = []
    for taken in product((False, True), repeat=len(later)):
        links = [place for place, take in enumerate(taken) if take]
        if len({int(later[it]) for it in links}) == len({int(earlier[it]) for it in links}) == len(links):
            found.append(links)
    return found


def problem(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    every = [(j, i) for j in range(4) for i in range(3) if rng.random() < 0.6]
    later, earlier = (np.array(side, np.int64) for side in zip(*(every or [(0, 0)]), strict=True))
    return rng.normal(0, 3, len(later)), later, earlier


@pytest.mark.parametrize("seed", range(20))
def test_the_assignment_is_the_best_of_all_matchings(seed: int) -> None:
    odds, later, earlier = problem(seed)
    best = max(sum(odds[it] for it in links) for links in matchings(later, earlier))
    chosen = best_links(odds, later, earlier)
    assert list(np.flatnonzero(chosen)) in matchings(later, earlier)
    assert odds[chosen].sum() == pytest.approx(best)


@pytest.mark.parametrize("seed", range(20))
def test_probabilities_are_near_those_over_all_matchings(seed: int) -> None:
    """Belief propagation is exact on trees, and near elsewhere (Williams and Lau 2014, section VI)."""
    odds, later, earlier = problem(seed)
    weight, exact = 0.0, np.zeros(len(odds))
    for links in matchings(later, earlier):
        own = float(np.exp(sum(odds[it] for it in links)))
        weight += own
        exact[links] += own
    assert link_probabilities(odds, later, earlier, rounds=200) == pytest.approx(exact / weight, abs=0.15)


def test_a_chain_of_rivals_is_exact() -> None:
    """Without a loop: two may follow the first, one of them the second as well."""
    odds, later, earlier = np.array([1.0, 2.0, 0.5]), np.array([0, 1, 1]), np.array([0, 0, 1])
    weights = {(): 1.0, (0,): np.e, (1,): np.e**2, (2,): np.e**0.5, (0, 2): np.e**1.5}
    total = sum(weights.values())
    expected = [sum(w for links, w in weights.items() if link in links) / total for link in range(3)]
    assert link_probabilities(odds, later, earlier, rounds=500) == pytest.approx(expected, abs=2e-3)


def test_no_links_in_and_none_out() -> None:
    nothing = np.zeros(0, np.int64)
    assert len(link_probabilities(np.zeros(0), nothing, nothing)) == 0
    assert len(best_links(np.zeros(0), nothing, nothing)) == 0


@pytest.mark.parametrize("log_odds", [1e4, -1e4])
def test_certainty_is_finite(log_odds: float) -> None:
    (probability,) = link_probabilities(np.array([log_odds]), np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert probability == pytest.approx(float(log_odds > 0), abs=1e-9)
