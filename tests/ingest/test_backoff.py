"""How long to wait before a camera is opened again."""

import random

import pytest

from ingest.backoff import Backoff


class Most(random.Random):
    """Chance that always takes the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_pauses_double_up_to_a_minute() -> None:
    backoff = Backoff(Most())
    assert [backoff.pause_s(lasted_s=0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_never_gives_up_and_never_overflows() -> None:
    backoff = Backoff(Most())
    assert {backoff.pause_s(lasted_s=0) for _ in range(5000)} <= {0.5, 1, 2, 4, 8, 16, 32, 60}


@pytest.mark.parametrize(("lasted_s", "then_s"), [(59.9, 4.0), (60.0, 0.5), (86_400.0, 0.5)])
def test_a_healthy_minute_starts_the_count_anew(lasted_s: float, then_s: float) -> None:
    backoff = Backoff(Most())
    for _ in range(3):
        backoff.pause_s(lasted_s=0)
    assert backoff.pause_s(lasted_s=lasted_s) == then_s


def test_a_refusal_waits_a_minute_and_is_no_failure_of_the_network() -> None:
    backoff = Backoff(random.Random(1))
    assert all(54 <= backoff.pause_s(lasted_s=0, refused=True) <= 66 for _ in range(100))
    assert backoff.pause_s(lasted_s=0) <= 0.5


def test_cameras_that_broke_together_come_back_spread_over_the_whole_pause() -> None:
    pauses = []
    for seed in range(300):
        backoff = Backoff(random.Random(seed))
        pauses.append([backoff.pause_s(lasted_s=0) for _ in range(8)][-1])
    assert min(pauses) < 3
    assert max(pauses) > 57
    assert sum(pauses) / len(pauses) == pytest.approx(30, abs=4)
