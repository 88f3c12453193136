"""Travel times: bins, densities and smoothing."""

import numpy as np
import pytest

from associate.links.travel_times import TimeBins, smooth

BINS = TimeBins(300.0)


def test_bins_are_narrow_near_zero_and_reach_the_horizon() -> None:
    assert BINS.widths_s[BINS.of(np.array([0.0]))] == pytest.approx([0.15], abs=0.01)
    assert BINS.widths_s[BINS.of(np.array([100.0]))] == pytest.approx([5.0], rel=0.05)
    assert BINS.centres_s[-1] > 300 > BINS.centres_s[0]


@pytest.mark.parametrize("time_s", [-150.0, -3.0, 0.0, 0.1, 7.5, 60.0, 299.0])
def test_a_time_is_in_its_bin(time_s: float) -> None:
    place = int(BINS.of(np.array([time_s]))[0])
    assert abs(BINS.centres_s[place] - time_s) <= 0.51 * BINS.widths_s[place]


def test_times_beyond_the_ends_go_into_the_last_bins() -> None:
    assert BINS.of(np.array([-1e6, 1e6])).tolist() == [0, BINS.count - 1]


@pytest.mark.parametrize(
    "density",
    [
        BINS.from_leaving,
        BINS.from_entering,
        BINS.within_a_view,
        BINS.window(4, 12),
        BINS.window(4, 4.01),
        BINS.within(BINS.from_leaving, 0, 60),
    ],
)
def test_densities_hold_one(density: np.ndarray) -> None:
    assert (density * BINS.widths_s).sum() == pytest.approx(1.0)
    assert BINS.reached(density)[-1] == pytest.approx(1.0)
    assert (np.diff(BINS.reached(density)) >= 0).all()


def test_a_window_is_inside_its_limits() -> None:
    density = BINS.window(4, 12)
    inside = (BINS.centres_s > 4) & (BINS.centres_s < 12)
    assert density[inside] == pytest.approx(1 / 8, rel=0.15)
    assert density[(BINS.centres_s < 3) | (BINS.centres_s > 14)].max() < 1e-4


def test_counts_become_a_density_around_them() -> None:
    counts = np.zeros((2, BINS.count))
    rng = np.random.default_rng(1)
    np.add.at(counts[0], BINS.of(rng.normal(20, 2, 400)), 1.0)
    density, centre = smooth(counts, BINS)
    assert (density[0] * BINS.widths_s).sum() == pytest.approx(1.0)
    assert BINS.centres_s[density[0].argmax()] == pytest.approx(20, abs=2.5)
    reached = BINS.reached(density[0])
    assert reached[BINS.of(np.array([16.0]))][0] == pytest.approx(0.05, abs=0.05)
    assert density[1].max() == 0
    assert 0 < centre[0] < 1
    assert centre[1] == 0


def test_a_single_count_is_spread_by_its_kernel() -> None:
    counts = np.zeros((1, BINS.count))
    counts[0, 60] = 1.0
    density, centre = smooth(counts, BINS)
    assert density[0, 60] * BINS.widths_s[60] == pytest.approx(centre[0])
