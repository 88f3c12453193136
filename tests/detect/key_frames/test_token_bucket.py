"""Token buckets: no more calls than the budget allows."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect.key_frames.token_bucket import CAPACITY_CALLS, BusyShareBucket, CallRateBucket
from ingest.clock import NS, ManualClock


@given(
    gaps_s=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=60),
    calls_per_s=st.floats(0.1, 5.0),
)
def test_calls_a_second_are_never_exceeded(gaps_s: list[float], calls_per_s: float) -> None:
    bucket, at_ns, calls = CallRateBucket(calls_per_s), 0, 0
    for gap_s in gaps_s:
        at_ns += round(gap_s * NS)
        bucket.refill("a", at_ns)
        while bucket.available("a") >= 1:
            bucket.consume("a")
            calls += 1
    passed_s = sum(gaps_s[1:])
    assert calls <= CAPACITY_CALLS + calls_per_s * passed_s + 1e-6


def test_a_greedy_camera_takes_nothing_from_another() -> None:
    bucket = CallRateBucket(1.0)
    for second in range(10):
        for camera in ("greedy", "modest"):
            bucket.refill(camera, second * NS)
        if bucket.available("greedy") >= 1:
            bucket.consume("greedy")
    assert bucket.available("modest") == CAPACITY_CALLS


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = CallRateBucket(1.0)
    for _ in range(2):
        bucket.refill("a", 100 * NS)
        bucket.consume("a")
    bucket.refill("a", 50 * NS)
    assert bucket.available("a") == CAPACITY_CALLS - 2


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
@pytest.mark.parametrize("calls_s", [(0.008,), (0.2,), (3.0,), (0.01, 0.5, 0.05)])
def test_the_share_of_time_is_kept(share: float, calls_s: tuple[float, ...]) -> None:
    """And what is allowed can be used, also after a first call that took long."""
    clock = ManualClock()
    bucket = BusyShareBucket(share, clock)
    taken_s: list[float] = []
    bucket.consume("a")
    clock.sleep(20.0)
    bucket.record_cost(1, 20.0)
    bucket.refill("a", 0)
    began_s = clock.monotonic_s()
    for _ in range(20_000):
        clock.sleep(0.04)
        bucket.refill("a", 0)
        if bucket.available("a") >= 1:
            bucket.consume("a")
            taken_s.append(calls_s[len(taken_s) % len(calls_s)])
            clock.sleep(taken_s[-1])
            bucket.record_cost(1, taken_s[-1])
    used = sum(taken_s) / (clock.monotonic_s() - began_s)
    assert used < share * 1.02
    mean_s = statistics.mean(calls_s)
    possible = mean_s / (mean_s + 0.04)
    assert used > min(share, possible) * (0.9 if len(calls_s) == 1 else 0.5)


def test_nothing_is_left_while_no_time_passes() -> None:
    bucket = BusyShareBucket(0.5, ManualClock())
    assert bucket.available("a") == CAPACITY_CALLS
    bucket.consume("a")
    bucket.record_cost(1, 0.0)
    assert bucket.available("a") == 0.0
