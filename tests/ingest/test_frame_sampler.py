"""The choice of frames."""

import pytest

from ingest.clock import NS
from ingest.frame_sampler import MAX_STRETCH, SLOW_DOWN, FrameSampler


def chosen(sampler: FrameSampler, frames: int, frames_per_s: float, *, first: int = 0) -> list[int]:
    return [i for i in range(first, first + frames) if sampler.accept(round(i * NS / frames_per_s))]


@pytest.mark.parametrize(("camera", "asked", "expected"), [(25, 25, 250), (25, 8, 80), (25, 6.25, 63), (29.97, 8, 80)])
def test_the_rate_is_met_on_average(camera: float, asked: float, expected: int) -> None:
    assert abs(len(chosen(FrameSampler(asked), round(camera * 10), camera)) - expected) <= 1


def test_every_nth_where_the_rates_divide() -> None:
    assert chosen(FrameSampler(6.25), 20, 25) == [0, 4, 8, 12, 16]


def test_a_gap_is_not_caught_up() -> None:
    sampler = FrameSampler(5)
    chosen(sampler, 25, 25)
    assert chosen(sampler, 10, 25, first=200) == [200, 205]


def test_it_slows_down_while_late_and_recovers() -> None:
    sampler = FrameSampler(8)
    for second in range(5):
        for _ in range(8):  # several late frames in a second count once
            sampler.feedback(second * NS, in_time=False)
    assert sampler.frames_per_s == pytest.approx(8 / SLOW_DOWN**4)
    assert len(chosen(sampler, 100, 25)) == pytest.approx(4 * 8 / SLOW_DOWN**4, abs=1)
    for second in range(5, 30):
        sampler.feedback(second * NS, in_time=True)
    assert sampler.frames_per_s == 8
    for second in range(30, 90):
        sampler.feedback(second * NS, in_time=False)
    assert sampler.frames_per_s == 8 / MAX_STRETCH
