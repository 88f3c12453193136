"""Chains: what else the vehicles of candidates did."""

import numpy as np
import pytest

from associate.sightings.chains import ASTRAY, NEXT, fitted, neighbours


def test_the_next_before_and_after_are_asked_about() -> None:
    identity = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    lag_s = np.array([-90.0, -5.0, -30.0, 8.0, 60.0, 9.0, 400.0, -1.0])
    assert NEXT == 2
    assert neighbours(identity, lag_s).tolist() == [1, 2, 3, 5, 6, 7]
    assert neighbours(identity[:0], lag_s[:0]).tolist() == []


def test_a_candidate_counts_as_its_vehicle_s_least_likely_sighting() -> None:
    odds, identity = np.array([0.4, 0.4, 0.2]), np.array([0, 1, -1])
    same = fitted(odds, identity, np.array([0.5]), np.array([1]))
    np.testing.assert_allclose(same, odds, err_msg="a chain that is as likely changes nothing")
    other = fitted(odds, identity, np.array([0.0, 0.9]), np.array([1, 1]))
    assert other[1] / other[0] == pytest.approx(ASTRAY)
    assert other[2] / other[0] == pytest.approx(0.5)
    assert other.sum() == pytest.approx(odds.sum()), "what is taken from some is given to all"


def test_without_chains_or_candidates_nothing_changes() -> None:
    none = np.zeros(0), np.zeros(0, np.int64)
    odds = np.array([0.4, 0.1])
    np.testing.assert_array_equal(fitted(odds, np.array([-1, -1]), *none), odds)
    np.testing.assert_array_equal(fitted(odds, np.array([0, 1]), *none), odds)
    assert not len(fitted(none[0], none[1], *none))
