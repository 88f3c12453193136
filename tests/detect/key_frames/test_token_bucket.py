"""No more is spent than was allowed."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect.key_frames.token_bucket import DEPTH, CallsPerSecond, ShareOfTime
from ingest.clock import NS, ManualClock


@given(
    gaps_s=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=60),
    calls_per_s=st.floats(0.1, 5.0),
)
def test_calls_a_second_are_never_exceeded(gaps_s: list[float], calls_per_s: float) -> None:
    allowance, at_ns, calls = CallsPerSecond(calls_per_s), 0, 0
    for gap_s in gaps_s:
        at_ns += round(gap_s * NS)
        allowance.grow("a", at_ns)
        while allowance.left("a") >= 1:
            allowance.spend("a")
            calls += 1
    passed_s = sum(gaps_s[1:])
    assert calls <= DEPTH + calls_per_s * passed_s + 1e-6


def test_a_greedy_camera_takes_nothing_from_another() -> None:
    allowance = CallsPerSecond(1.0)
    for second in range(10):
        for camera in ("greedy", "modest"):
            allowance.grow(camera, second * NS)
        if allowance.left("greedy") >= 1:
            allowance.spend("greedy")
    assert allowance.left("modest") == DEPTH


def test_a_clock_that_goes_back_gives_nothing() -> None:
    allowance = CallsPerSecond(1.0)
    for _ in range(2):
        allowance.grow("a", 100 * NS)
        allowance.spend("a")
    allowance.grow("a", 50 * NS)
    assert allowance.left("a") == DEPTH - 2


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
@pytest.mark.parametrize("calls_s", [(0.008,), (0.2,), (3.0,), (0.01, 0.5, 0.05)])
def test_the_share_of_time_is_kept(share: float, calls_s: tuple[float, ...]) -> None:
    """And what is allowed can be used, also after a first call that took long."""
    clock = ManualClock()
    allowance = ShareOfTime(share, clock)
    taken_s: list[float] = []
    allowance.spend("a")
    clock.sleep(20.0)
    allowance.took(1, 20.0)
    allowance.grow("a", 0)
    began_s = clock.monotonic_s()
    for _ in range(20_000):
        clock.sleep(0.04)
        allowance.grow("a", 0)
        if allowance.left("a") >= 1:
            allowance.spend("a")
            taken_s.append(calls_s[len(taken_s) % len(calls_s)])
            clock.sleep(taken_s[-1])
            allowance.took(1, taken_s[-1])
    used = sum(taken_s) / (clock.monotonic_s() - began_s)
    assert used < share * 1.02
    mean_s = statistics.mean(calls_s)
    possible = mean_s / (mean_s + 0.04)
    assert used > min(share, possible) * (0.9 if len(calls_s) == 1 else 0.5)


def test_nothing_is_left_while_no_time_passes() -> None:
    allowance = ShareOfTime(0.5, ManualClock())
    assert allowance.left("a") == DEPTH
    allowance.spend("a")
    allowance.took(1, 0.0)
    assert allowance.left("a") == 0.0
