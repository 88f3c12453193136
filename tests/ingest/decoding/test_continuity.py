"""Times that jump: scripts of time stamps, and which of the frames are passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoding.continuity import Continuity

STEP = 0.1


def steady(first: float, frames: int, step_s: float = STEP) -> list[float]:
    return [first + number * step_s for number in range(frames)]


def play(times: list[float], back_s: float = 0.0) -> tuple[list[float], int, int, int]:
    """The times passed on, and the counts of jumps, late and stray frames."""
    continuity: Continuity[int] = Continuity(ahead_s=10.0, back_s=back_s)
    steps = [continuity.take(at_s, number) for number, at_s in enumerate(times)] + [continuity.end()]
    accepted = [(at_s, number) for step in steps for at_s, number in step.accepted]
    assert [at_s for at_s, _ in accepted] == [times[number] for _, number in accepted]
    jumps = sum(step.jumped for step in steps)
    return [at for at, _ in accepted], jumps, sum(s.late for s in steps), sum(s.stray for s in steps)


START = steady(0, 10)
CASES: dict[str, tuple[list[float], int, int, int, int]] = {
    # times, passed on, jumps, late, stray
    "steady": (START, 10, 0, 0, 0),
    "one far ahead": ([*START, 9000.0, *steady(1.1, 10)], 20, 0, 0, 1),
    "one far behind": ([*steady(9000, 10), 5.0, *steady(9001.1, 10)], 20, 0, 0, 1),
    "two in a row far ahead": ([*START, 9000.0, 9000.1, *steady(1.2, 10)], 20, 0, 0, 2),
    "two apart from each other": ([*START, 9000.0, 5000.0, *steady(1.2, 10)], 20, 0, 0, 2),
    "every second one off": ([at for pair in zip(START, steady(9000, 10), strict=True) for at in pair], 10, 0, 0, 10),
    "ahead and it stays": ([*START, *steady(9000, 10)], 20, 1, 0, 0),
    "back and it stays": ([*START, *steady(0, 5)], 15, 1, 0, 0),
    "the same time twice": ([at for at in START for _ in range(2)], 10, 0, 10, 0),
    "all the same time": ([1.0] * 10, 1, 0, 9, 0),
    "two swapped": ([0.0, 0.2, 0.1, 0.3, 0.4], 4, 0, 1, 0),
    "the last one is off": ([*START, 9000.0], 10, 0, 0, 1),
    "a frame a minute": (steady(0, 10, 60.0), 10, 1, 0, 0),
    "nothing": ([], 0, 0, 0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_passed_on(name: str) -> None:
    times, passed, jumps, late, stray = CASES[name]
    accepted, *counts = play(times)
    assert (len(accepted), *counts) == (passed, jumps, late, stray)


def test_small_steps_back_are_passed_on_where_they_are_no_jump() -> None:
    accepted, *counts = play([0.0, 0.1, 5.0, 4.0, 4.1], back_s=10.0)
    assert accepted == [0.0, 0.1, 5.0, 4.0, 4.1]
    assert counts == [0, 0, 0]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 5.0, 900.0, 900.1, 9000.0]) | st.floats(-1e6, 1e6), max_size=30))
def test_every_frame_is_passed_on_in_order_or_counted(times: list[float]) -> None:
    accepted, _, late, stray = play(times)
    assert len(accepted) + late + stray == len(times)
