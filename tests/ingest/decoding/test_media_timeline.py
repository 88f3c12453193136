"""The places of frames in time: scripts of what a container states."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import NS
from ingest.decoding.media_timeline import HOPELESS, MediaTimeline

RATE = Fraction(1, 10)


def place(
    stated: list[float | None], interval_s: Fraction | None = RATE
) -> tuple[list[int], list[float], MediaTimeline[int]]:
    """The numbers of the frames that have a place, their media times in seconds, and the timeline."""
    timeline: MediaTimeline[int] = MediaTimeline("camera 'a': a.ts", first_s=None, interval_s=interval_s)
    placed = [
        one
        for number, at_s in enumerate(stated)
        for one in timeline.place(None if at_s is None else Fraction(at_s).limit_denominator(1000), number)
    ]
    timeline.end()
    return [number for _, number in placed], [media_ns / NS for media_ns, _ in placed], timeline


def test_frames_without_times_follow_by_the_stated_rate() -> None:
    numbers, times, timeline = place([7.0, 7.1, None, None, 7.4, None])
    assert numbers == [*range(6)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert not timeline.left_out


def test_no_frame_drifts_at_a_rate_that_is_no_round_number() -> None:
    _, times, _ = place([None] * 3000, Fraction(1001, 30_000))
    assert times[-1] == pytest.approx(2999 * 1001 / 30_000, abs=1e-9)


def test_without_a_rate_they_are_counted() -> None:
    numbers, _, timeline = place([7.0, None, None, 7.3], interval_s=None)
    assert numbers == [0, 3]
    assert timeline.left_out == {"untimed": 2}
    assert not timeline.hopeless
    assert place([None] * HOPELESS, interval_s=None)[2].hopeless


def test_what_comes_after_a_restart_follows_by_one_interval() -> None:
    numbers, times, timeline = place([50.0, 50.1, 50.2, 3.0, 3.1, 3.2, 0.0, 0.1, 0.2, 0.3])
    assert numbers == [*range(10)]
    assert times == pytest.approx([number / 10 for number in range(10)])
    assert timeline.restarts == 2


@given(st.lists(st.none() | st.floats(0, 1e5) | st.sampled_from([0.0, 0.1, 0.2, 0.3]), max_size=40))
def test_times_rise_and_every_frame_is_placed_or_counted(stated: list[float | None]) -> None:
    numbers, times, timeline = place(stated)
    assert numbers == sorted(numbers)
    assert all(after > before for before, after in itertools.pairwise(times))
    assert all(at_s >= 0 for at_s in times)
    assert len(numbers) + sum(timeline.left_out.values()) == len(stated)
