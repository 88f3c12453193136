"""Whose clock a frame is stamped with: scripts of packets and sender reports, no network."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import NS
from ingest.frame import ClockQuality
from ingest.network.stream_clock import StreamClock

NOW = 1_790_000_000 * NS
INTERVAL = NS // 10
LATE = 40_000_000  # arrival after capture, ns
RTCP, ARRIVAL = ClockQuality.RTCP, ClockQuality.ARRIVAL


@dataclass
class Camera:
    """Sends a frame every 100 ms, a report every second from `first_report` on; its clock is `wrong_ns` off."""

    clock: StreamClock
    wrong_ns: int = 0
    media_jump_ns: int = 0
    first_report: int = 0
    number: int = 0
    _reported_ns: int | None = None  # wall minus media time as of the last report

    def play(self, frames: int) -> list[tuple[int, ClockQuality] | None]:
        """The stamps of the next frames; a right one is `captured`."""
        stamps = []
        for _ in range(frames):
            captured, media = NOW + self.number * INTERVAL, self.number * INTERVAL + self.media_jump_ns
            report = self.number >= self.first_report and (self.number - self.first_report) % 10 == 0
            if report:
                self._reported_ns = captured + self.wrong_ns - media
            wall = None if self._reported_ns is None else media + self._reported_ns
            self.clock.observe(media, wall, captured + LATE, report=report)
            stamps.append(self.clock.stamp(media, captured + LATE))
            self.number += 1
        return stamps

    def errors_ms(self, frames: int) -> list[float]:
        first = self.number
        stamps = enumerate(self.play(frames), first)
        return [(stamp[0] - NOW - number * INTERVAL) / 1e6 for number, stamp in stamps if stamp is not None]

    def qualities(self, frames: int) -> list[ClockQuality | None]:
        return [None if stamp is None else stamp[1] for stamp in self.play(frames)]


def test_nothing_is_stamped_before_the_first_report_which_a_second_packet_confirms() -> None:
    camera = Camera(StreamClock(report_wait_s=3), first_report=5)
    assert camera.qualities(8) == [None] * 6 + [RTCP] * 2
    assert camera.errors_ms(30) == [0.0] * 30
    assert not camera.clock.status(NOW).clock_suspect


def test_a_first_time_that_is_a_frame_off_is_not_used() -> None:
    clock = StreamClock(report_wait_s=3)
    clock.observe(0, NOW + INTERVAL, NOW, report=True)  # its neighbour's
    assert clock.stamp(0, NOW) is None
    clock.observe(INTERVAL, NOW + INTERVAL, NOW + INTERVAL, report=False)
    assert clock.stamp(INTERVAL, NOW + INTERVAL) is None
    clock.observe(2 * INTERVAL, NOW + 2 * INTERVAL, NOW + 2 * INTERVAL, report=False)
    assert clock.stamp(2 * INTERVAL, NOW + 2 * INTERVAL) == (NOW + 2 * INTERVAL, RTCP)


def test_without_reports_arrival_counts_after_a_while() -> None:
    camera = Camera(StreamClock(report_wait_s=0.5), first_report=10**9)
    assert camera.qualities(8) == [None] * 5 + [ARRIVAL] * 3
    assert camera.errors_ms(3) == [40.0] * 3
    status = camera.clock.status(NOW)
    assert (status.clock, status.sr_age_s, status.lag_ms) == (ARRIVAL, None, None)


@pytest.mark.parametrize(
    ("wrong_s", "said"), [(2.5, "2.5 s ahead"), (-30.0, "30.0 s behind"), (-NOW / NS, "never been set")]
)
def test_a_clock_that_cannot_be_is_not_used(wrong_s: float, said: str) -> None:
    camera = Camera(StreamClock(report_wait_s=1), wrong_ns=round(wrong_s * NS))
    assert camera.qualities(30)[1:] == [ARRIVAL] * 29
    assert said in camera.clock.status(NOW).suspect
    assert camera.clock.status(NOW).faults == 1


@pytest.mark.parametrize(("step_s", "suspect"), [(0.03, False), (0.5, True), (-1.0, True), (7200.0, True)])
def test_a_clock_that_is_set_while_it_runs_is_suspect_for_three_reports(step_s: float, suspect: bool) -> None:
    camera = Camera(StreamClock(report_wait_s=1))
    camera.play(20)
    camera.wrong_ns = round(step_s * NS)
    qualities = camera.qualities(10)
    assert (ARRIVAL in qualities) is suspect
    assert camera.clock.status(NOW).clock_suspect is suspect
    lasting = abs(step_s) > 2
    assert camera.qualities(40)[-1] is (ARRIVAL if lasting else RTCP)
    assert camera.clock.status(NOW).clock_suspect is lasting


def test_media_time_that_jumps_is_suspect_until_the_reports_agree_again() -> None:
    camera = Camera(StreamClock(report_wait_s=1))
    camera.play(25)
    camera.media_jump_ns = 5 * NS
    assert ARRIVAL in camera.qualities(10)
    assert camera.clock.status(NOW).clock_suspect
    camera.play(40)
    assert not camera.clock.status(NOW).clock_suspect
    assert camera.errors_ms(10) == [0.0] * 10


def test_drift_is_measured_and_followed() -> None:
    camera = Camera(StreamClock(report_wait_s=1))
    for _ in range(400):
        camera.wrong_ns += 200_000  # 2 ms a second
        camera.play(1)
    status = camera.clock.status(NOW + 400 * INTERVAL)
    assert status.drift_ms == pytest.approx(60, abs=25)  # of 80 ms, by windows of 10 s
    assert status.lag_ms == pytest.approx(-40, abs=5)
    assert not status.clock_suspect
    assert abs(camera.errors_ms(1)[0] - 80) < 5


def test_the_age_of_the_last_report_is_known() -> None:
    camera = Camera(StreamClock())
    camera.play(14)
    assert camera.clock.status(NOW + 2 * NS).sr_age_s == pytest.approx(1 - LATE / NS)


def test_frames_without_media_time_have_that_of_their_arrival() -> None:
    clock = StreamClock(report_wait_s=0)
    assert clock.stamp(None, NOW) == (NOW, ARRIVAL)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-12, 12), st.integers(1, 40)), min_size=1, max_size=8))
def test_whatever_the_camera_s_clock_does_a_stamp_is_near_its_arrival(script: list[tuple[int, int, int]]) -> None:
    camera = Camera(StreamClock(report_wait_s=1))
    for wrong_s, jump_s, frames in script:
        camera.wrong_ns, camera.media_jump_ns = wrong_s * NS, jump_s * NS
        assert all(abs(error_ms - LATE / 1e6) <= 2000 for error_ms in camera.errors_ms(frames))
