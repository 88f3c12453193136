"""Quantiles of weighted links, and intervals that cover as often as they say."""

import numpy as np

from deploy.results.quantiles import median_interval, weighted_quantiles


def test_quantiles_count_a_link_with_its_probability() -> None:
    values = np.array([5.0, 6.0, 7.0, 100.0])
    assert weighted_quantiles(values, np.ones(4), (0.5,)) == [6.5]
    (median,) = weighted_quantiles(values, np.array([1.0, 1.0, 1.0, 0.01]), (0.5,))
    assert 6 <= median <= 6.1
    assert weighted_quantiles(values, np.zeros(4), (0.5,)) == [6.5]


def test_the_median_s_interval_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(2000):
        low, high = median_interval(np.sort(rng.exponential(10, 25)))
        assert low is not None
        assert high is not None
        covered += low <= 10 * np.log(2) <= high
    assert 0.93 <= covered / 2000 <= 0.99
    assert median_interval(np.arange(5.0)) == (None, None)
