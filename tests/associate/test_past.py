"""Counts of the past."""

import numpy as np

from associate.past import PastCounts


def test_counts_of_other_bins_are_left_out_and_counted() -> None:
    past = PastCounts()
    one, none = np.ones((2, 1, 1, 6)), (np.zeros(0, np.int64), np.zeros((2, 0, 6)))
    past.add(one, *none, 0.0)
    assert past.drop_other_bins(6) == 0
    joined, _, _ = past.joined(np.zeros((2, 1, 1, 6)), *none, 0.0)
    assert (joined == 1).all()
    joined, _, _ = past.joined(np.zeros((2, 1, 1, 3)), none[0], np.zeros((2, 0, 3)), 0.0)
    assert not joined.any()
    assert [past.drop_other_bins(3) for _ in range(2)] == [1, 0]
    assert not len(past.rows)
