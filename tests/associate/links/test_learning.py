"""What is learned from, and how much of it."""

import numpy as np
import pytest

from associate.links import learning


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 211])
def test_examples_of_two_vehicles_are_every_so_many_th_pair(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The same pairs as of a list of all, which at a large site would take gigabytes."""
    monkeypatch.setattr(learning, "OTHERS", 100)
    one, other = np.triu_indices(count, 1)
    step = max(len(one) // 100, 1)
    first, second = learning._some_pairs(count)
    assert (first.tolist(), second.tolist()) == (one[::step].tolist(), other[::step].tolist())


def test_examples_of_a_large_site_take_no_memory() -> None:
    first, second = learning._some_pairs(100_000)
    assert learning.OTHERS <= len(first) <= learning.OTHERS + 1
    assert (first < second).all()
    assert second.max() < 100_000
