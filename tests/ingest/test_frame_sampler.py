"""The choice of frames."""

import pytest

from ingest.clock import NS
from ingest.frame_sampler import SLOWER, SLOWEST, Beat


def chosen(beat: Beat, frames: int, frames_per_s: float, *, first: int = 0) -> list[int]:
    return [i for i in range(first, first + frames) if beat.chooses(round(i * NS / frames_per_s))]


@pytest.mark.parametrize(("camera", "asked", "expected"), [(25, 25, 250), (25, 8, 80), (25, 6.25, 63), (29.97, 8, 80)])
def test_the_rate_is_met_on_average(camera: float, asked: float, expected: int) -> None:
    assert abs(len(chosen(Beat(asked), round(camera * 10), camera)) - expected) <= 1


def test_every_nth_where_the_rates_divide() -> None:
    assert chosen(Beat(6.25), 20, 25) == [0, 4, 8, 12, 16]


def test_a_gap_is_not_caught_up() -> None:
    beat = Beat(5)
    chosen(beat, 25, 25)
    assert chosen(beat, 10, 25, first=200) == [200, 205]


def test_it_slows_down_while_late_and_recovers() -> None:
    beat = Beat(8)
    for second in range(5):
        for _ in range(8):  # several late frames in a second count once
            beat.told(second * NS, in_time=False)
    assert beat.frames_per_s == pytest.approx(8 / SLOWER**4)
    assert len(chosen(beat, 100, 25)) == pytest.approx(4 * 8 / SLOWER**4, abs=1)
    for second in range(5, 30):
        beat.told(second * NS, in_time=True)
    assert beat.frames_per_s == 8
    for second in range(30, 90):
        beat.told(second * NS, in_time=False)
    assert beat.frames_per_s == 8 / SLOWEST
