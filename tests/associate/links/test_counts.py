"""Soft counts of pairs."""

import numpy as np
import pytest

from associate.links.counts import PairCounts, count_times, key_of
from associate.links.travel_times import TimeBins

BINS = TimeBins(60.0)
KEYS = key_of(np.array([0, 2, 0]), np.array([1, 0, 1]))
TIMES = np.array([5.0, 9.0, 5.0]), np.array([8.0, 12.0, 8.0])


def test_times_are_counted_by_pair_from_leaving_and_from_entering() -> None:
    found = count_times(KEYS, TIMES, np.array([0.5, 1.0, 0.25]), BINS)
    assert [side.tolist() for side in found.sides] == [[0, 2], [1, 0]]
    assert found.links == pytest.approx([0.75, 1.0])
    assert found.counts[0, 0, BINS.of(np.array([5.0]))] == 0.75
    assert found.counts[1, 1, BINS.of(np.array([12.0]))] == 1.0


@pytest.mark.parametrize("among", [[], [key_of(np.array([2]), np.array([0]))[0]]])
def test_only_the_pairs_that_are_asked_for_are_counted(among: list[int]) -> None:
    found = count_times(KEYS, TIMES, np.ones(3), BINS, np.array(among, np.int64))
    assert found.keys.tolist() == among
    assert found.counts.sum() == 2 * len(among)


def test_pairs_are_found_and_added() -> None:
    none, some = PairCounts.none(BINS.count), count_times(KEYS, TIMES, np.ones(3), BINS)
    assert not none.find(np.array([0]), np.array([1]))[1].any()
    place, known = some.find(np.array([2, 1, 0]), np.array([0, 1, 1]))
    assert known.tolist() == [True, False, True]
    assert place[known].tolist() == [1, 0]
    both = none.plus(some).plus(some.at(np.array([1])))
    assert both.keys.tolist() == some.keys.tolist()
    assert both.links == pytest.approx([2.0, 2.0])
