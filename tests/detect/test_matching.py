"""One-to-one, in stages."""

import numpy as np

from detect.matching import NO_TRACK, Matching

ALL = np.ones(2, np.bool_)


def test_the_largest_sum_wins_and_weak_pairs_do_not_match() -> None:
    matching = Matching(2, 2)
    matching.stage(np.array([[0.9, 0.8], [0.8, 0.1]], np.float32), ALL, ALL, 0.3)
    assert matching.track_of.tolist() == [1, 0]


def test_what_is_matched_stays_matched() -> None:
    matching = Matching(2, 2)
    likeness = np.array([[0.5, 0.4], [0.9, 0.8]], np.float32)
    matching.stage(likeness, np.array([True, False]), ALL, 0.3)
    matching.stage(likeness, ALL, ALL, 0.3)
    assert matching.track_of.tolist() == [0, 1]


def test_below_the_least_and_of_nothing_there_is_no_track() -> None:
    matching = Matching(2, 2)
    matching.stage(np.full((2, 2), 0.2, np.float32), ALL, ALL, 0.3)
    assert matching.track_of.tolist() == [NO_TRACK, NO_TRACK]
    nothing = Matching(0, 0)
    nothing.stage(np.zeros((0, 0), np.float32), np.zeros(0, np.bool_), np.zeros(0, np.bool_), 0.3)
    assert nothing.track_of.tolist() == []
