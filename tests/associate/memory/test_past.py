"""Counts of the past."""

import numpy as np
import pytest

from associate.links.counts import PairCounts, key_of
from associate.memory.past import CAMERAS, GATES, HALF_LIFE_S, PastCounts


def counted(*pairs: tuple[int, int], links: float = 1.0, bins: int = 6) -> PairCounts:
    first, second = np.array(sorted(pairs)).T
    return PairCounts(key_of(first, second), np.full((2, len(pairs), bins), links / bins))


def test_counts_of_other_bins_are_left_out_and_dropped_once() -> None:
    past = PastCounts(6)
    past.add(CAMERAS, counted((0, 1)), 0.0)
    assert past.drop_other_bins() == 0
    other = PastCounts(3)
    for name in past.rows.names:
        other.rows.put(name, past.rows[name])
    other.restored()
    assert not len(other.counts(CAMERAS, 0.0).keys)
    assert [other.drop_other_bins() for _ in range(2)] == [1, 0]
    assert not len(other.rows)


def test_counts_add_up_and_fade_alike_before_and_after_a_restart() -> None:
    past = PastCounts(6)
    past.add(CAMERAS, counted((0, 1), (2, 0)), 0.0)
    past.add(CAMERAS, counted((0, 1), (1, 0)), HALF_LIFE_S)
    past.add(GATES, counted((5, 7), links=3.0), HALF_LIFE_S)
    found = past.counts(CAMERAS, 2 * HALF_LIFE_S)
    assert list(zip(*(side.tolist() for side in found.sides), strict=True)) == [(0, 1), (1, 0), (2, 0)]
    assert found.links == pytest.approx([0.75, 0.5, 0.25])
    assert past.counts(GATES, HALF_LIFE_S).links == pytest.approx([3.0])
    again = PastCounts(6)
    for name in past.rows.names:
        again.rows.put(name, past.rows[name])
    again.restored()
    for kind in (CAMERAS, GATES):
        one, other = past.counts(kind, 2 * HALF_LIFE_S), again.counts(kind, 2 * HALF_LIFE_S)
        assert one.keys.tolist() == other.keys.tolist()
        assert np.array_equal(one.counts, other.counts)
