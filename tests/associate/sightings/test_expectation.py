"""Expectation: sightings are likelier where and when identities have taught that vehicles come."""

import numpy as np
import pytest

from associate.sightings.expectation import LINKED, Expectation, Linked, Searched

A, B, C = 1, 2, 3


def convoy(count: int = 40) -> Linked:
    """Vehicles that pass a and, 20 s later, b; none is seen by c."""
    enter_s = np.concatenate([np.arange(count) * 10.0, np.arange(count) * 10.0 + 20])
    return Linked(np.tile(np.arange(count), 2), np.repeat([A, B], count), enter_s)


def searched() -> Searched:
    return Searched(np.array([0.0, 40, 40, 40]), 600.0)


def test_where_and_when_vehicles_come_a_sighting_is_likelier() -> None:
    expectation = Expectation(convoy(), 4)
    at, late, back, elsewhere = expectation.odds_from(
        searched(), A, np.array([20.0, 200.0, -20.0, 20.0]), np.array([B, B, B, C])
    )
    assert at > 5 * late
    assert at > 5 * back
    assert at > 5 * elsewhere
    assert min(late, back, elsewhere) > 0  # nothing is impossible


def test_what_was_learned_one_way_is_known_the_other_way() -> None:
    before, after = Expectation(convoy(), 4).odds_from(searched(), B, np.array([-20.0, 20.0]), np.array([A, A]))
    assert before > 5 * after


def test_odds_without_a_time_fall_with_what_is_searched() -> None:
    expectation = Expectation(convoy(), 4)
    assert expectation.others == 1.0 / LINKED
    few, many = (expectation.odds(Searched(np.array([0.0, count]), 600.0)) for count in (10, 1000))
    assert few == 100 * many


def test_without_identities_only_the_unlinked_are_expected() -> None:
    none = Linked(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    odds = Expectation(none, 4).odds_from(searched(), A, np.array([20.0, 40.0]), np.array([B, C]))
    assert odds[0] == odds[1] > 0


def test_what_association_has_missed_is_half_of_what_it_links() -> None:
    expectation = Expectation(convoy(), 4)
    lag_s, cameras = np.array([20.0]), np.array([B])
    every, missed = (
        expectation.odds_from(searched(), A, lag_s, cameras, missed=alone).item() for alone in (False, True)
    )
    nothing = Expectation(Linked(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)), 4)
    anywhere = nothing.odds_from(searched(), A, lag_s, cameras).item()
    assert (missed - anywhere) / (every - anywhere) == pytest.approx(1 - LINKED)
