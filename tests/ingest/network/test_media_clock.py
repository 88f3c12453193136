"""Media times on a wall clock: scripts of anchors and arrivals, no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import NS
from ingest.frame import ClockQuality
from ingest.network.media_clock import MediaClock

NOW = 1_790_000_000 * NS
STEP = NS // 10
ARRIVAL, PLAYLIST = ClockQuality.ARRIVAL, ClockQuality.PLAYLIST


def test_without_an_anchor_the_first_frame_s_arrival_counts() -> None:
    clock = MediaClock()
    assert clock.stamp(7 * NS, NOW) == (NOW, ARRIVAL)
    assert clock.stamp(8 * NS, NOW + 1) == (NOW + NS, ARRIVAL)


def test_a_playlist_s_time_is_used() -> None:
    clock = MediaClock()
    clock.anchor(0, NOW - 12 * NS, quality=PLAYLIST, arrival_ns=NOW)
    assert clock.stamp(NS, NOW) == (NOW - 11 * NS, PLAYLIST)
    assert clock.status(NOW).lag_ms == 11_000


@pytest.mark.parametrize(("off_s", "said"), [(5, "5.0 s ahead"), (-3600, "3600.0 s behind")])
def test_a_playlist_s_time_that_cannot_be_is_told_and_not_used(off_s: int, said: str) -> None:
    clock = MediaClock()
    clock.anchor(0, NOW + off_s * NS, quality=PLAYLIST, arrival_ns=NOW)
    assert clock.stamp(0, NOW) == (NOW, ARRIVAL)
    assert said in clock.status(NOW).suspect


def test_a_later_anchor_is_approached_slowly() -> None:
    clock = MediaClock()
    clock.anchor(0, NOW, quality=PLAYLIST, arrival_ns=NOW)
    clock.stamp(0, NOW)
    clock.anchor(0, NOW - NS // 10, quality=PLAYLIST, arrival_ns=NOW)
    times = [clock.stamp(number * STEP, NOW)[0] for number in range(1, 101)]
    assert all(0.97 * STEP < after - before < 1.01 * STEP for before, after in zip([NOW, *times], times, strict=False))
    assert times[-1] == NOW + 100 * STEP - NS // 10


def test_an_anchor_that_is_far_ahead_is_a_gap() -> None:
    clock = MediaClock()
    clock.anchor(0, NOW, quality=PLAYLIST, arrival_ns=NOW)
    clock.stamp(0, NOW)
    clock.anchor(0, NOW + 30 * NS, quality=PLAYLIST, arrival_ns=NOW + 30 * NS)
    assert clock.stamp(STEP, NOW)[0] == NOW + 30 * NS + STEP


def test_arrival_is_a_bound_that_late_packets_do_not_move() -> None:
    clock = MediaClock()
    clock.anchor(0, NOW, quality=ARRIVAL, arrival_ns=NOW)
    for number in range(1, 600):
        late_ns = 0 if number % 7 == 0 else NS // 2
        clock.follow(number * STEP, NOW + number * STEP + late_ns)
        captured_ns, _ = clock.stamp(number * STEP, NOW)
        # Until the first punctual packet has come, the bound is the lateness of those before it.
        assert abs(captured_ns - NOW - number * STEP) < NS // 50


def test_media_time_that_jumps_goes_on() -> None:
    clock = MediaClock()
    clock.anchor(100 * NS, NOW, quality=ARRIVAL, arrival_ns=NOW)
    before_ns, _ = clock.stamp(100 * NS, NOW)
    clock.go_on(5 * NS, STEP)
    assert clock.stamp(5 * NS, NOW)[0] == before_ns + STEP


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(-NS, NS)), max_size=60))
def test_times_rise_whatever_the_anchors(script: list[tuple[int, int]]) -> None:
    clock, media_ns, last_ns = MediaClock(), 0, -1
    for steps, off_ns in script:
        media_ns += steps * STEP
        clock.anchor(media_ns, NOW + media_ns + off_ns, quality=PLAYLIST, arrival_ns=NOW + media_ns)
        captured_ns, _ = clock.stamp(media_ns, NOW + media_ns)
        assert captured_ns > last_ns
        last_ns = captured_ns
