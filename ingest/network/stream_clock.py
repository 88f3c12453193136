"""Capture time of a stream's frames: by the camera's clock where it can be trusted, else by arrival.

The camera's clock comes in RTCP sender reports: "at this wall time my media clock stood at this tick". What is kept is
the difference of the two, the offset, so a capture time is media time plus offset.
"""

from dataclasses import dataclass

from ingest.clock import NS
from ingest.frame import ClockQuality

MS = NS // 1000
AGREES_NS = 2 * MS
"""Difference up to which two offsets say the same."""

STEP_NS = 100 * MS
"""Most by which the offset moves from report to report; beyond it the clock was set, or the media time jumped."""

APART_NS = 2 * NS
"""Longest time between capture and arrival at which the camera's clock is believed."""

REPORT_WAIT_S = 3.5
"""Wait for a sender's first report, which comes within 3.1 s (RFC 3550, 6.2 and 6.3.1); relays often send none."""

GOOD_REPORTS = 3
"""Number of reports without a fault that make a suspect clock good again."""

LAG_WINDOW_NS = 10 * NS
YEAR_2000_NS = 946_684_800 * NS


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """Status of a camera's clock, for telemetry.

    clock: what the last frame was stamped with.
    suspect: why the camera's own clock is not believed; empty where it is, or where there is none.
    lag_ms: arrival minus capture by the camera's clock, last frame: network, decoder, and both clocks' errors.
    drift_ms: how much the camera's clock has gained on this machine's since the session began.
    sr_age_s: since the last sender report.
    faults: how often the camera's clock became suspect.
    """

    clock: ClockQuality = ClockQuality.ARRIVAL
    suspect: str = ""
    lag_ms: float | None = None
    drift_ms: float | None = None
    sr_age_s: float | None = None
    faults: int = 0

    @property
    def clock_suspect(self) -> bool:
        return bool(self.suspect)


class StreamClock:
    """Clock that stamps the frames of one session; all times in nanoseconds, wall times in Unix time."""

    def __init__(self, *, report_wait_s: float = REPORT_WAIT_S) -> None:
        """Begin a session whose frames of the first `report_wait_s` are not stamped before a report has come.

        So sessions begin with the clock they go on with; 0 for streams that have no reports.
        """
        self._wait_ns = round(report_wait_s * NS)
        self._first_arrival_ns: int | None = None
        self._offset_ns: int | None = None
        self._candidate_ns: int | None = None
        self._report_ns: int | None = None
        self._suspect = ""
        self._good_reports = 0
        self._faults = 0
        self._clock = ClockQuality.ARRIVAL
        self._lag = _Lag()

    def observe(self, media_ns: int, wall_ns: int | None, arrival_ns: int, *, report: bool) -> None:
        """Take in a packet: its media time, its wall time if the stream says one, and whether a report came with it."""
        # Step 1: note the report
        if report:
            self._report_ns = arrival_ns
            self._good_reports += 1
        if wall_ns is None:
            return
        # Step 2: follow an offset that agrees with the present one; take over another one once it is confirmed
        offset_ns = wall_ns - media_ns
        if self._offset_ns is not None and abs(offset_ns - self._offset_ns) <= AGREES_NS:
            self._offset_ns, self._candidate_ns = offset_ns, None
        elif self._candidate_ns is not None and abs(offset_ns - self._candidate_ns) <= AGREES_NS:
            self._accept(offset_ns)
        else:
            # The first packet after a report may carry its neighbour's time, so another one has to confirm it.
            self._candidate_ns = offset_ns

    def _accept(self, offset_ns: int) -> None:
        step_ns = 0 if self._offset_ns is None else offset_ns - self._offset_ns
        self._offset_ns, self._candidate_ns = offset_ns, None
        if abs(step_ns) > STEP_NS:
            self._distrust(f"it jumped by {step_ns / NS:+.1f} s")

    def _distrust(self, why: str) -> None:
        self._faults += not self._suspect
        self._suspect = why
        self._good_reports = 0

    def stamp(self, media_ns: int | None, arrival_ns: int) -> tuple[int, ClockQuality] | None:
        """Stamp a frame with its capture time and that time's quality; None for a frame before the first report.

        By the camera's clock where there is an offset and the clock is not suspect, else by arrival.
        """
        if self._first_arrival_ns is None:
            self._first_arrival_ns = arrival_ns
        if media_ns is not None and self._offset_ns is not None:
            captured_ns = media_ns + self._offset_ns
            self._judge(captured_ns, arrival_ns)
            if not self._suspect:
                self._clock = ClockQuality.RTCP
                return captured_ns, self._clock
        elif 0 <= arrival_ns - self._first_arrival_ns < self._wait_ns:  # below 0 this machine's clock was set back
            return None
        self._clock = ClockQuality.ARRIVAL
        return arrival_ns, self._clock

    def _judge(self, captured_ns: int, arrival_ns: int) -> None:
        """Distrust the camera's clock for an impossible time, and trust it again after GOOD_REPORTS without a fault."""
        apart_ns = captured_ns - arrival_ns
        self._lag.add(-apart_ns, arrival_ns)
        if captured_ns < YEAR_2000_NS:
            self._distrust("it has never been set (it is in the last century)")
        elif abs(apart_ns) > APART_NS:
            self._distrust(f"it is {abs(apart_ns) / NS:.1f} s {'ahead' if apart_ns > 0 else 'behind'}")
        elif self._good_reports >= GOOD_REPORTS:
            self._suspect = ""

    def status(self, now_ns: int) -> ClockStatus:
        """Report the clock's status at `now_ns`."""
        return ClockStatus(
            clock=self._clock,
            suspect=self._suspect,
            lag_ms=None if self._lag.last_ns is None else self._lag.last_ns / MS,
            drift_ms=None if self._lag.drift_ns is None else self._lag.drift_ns / MS,
            sr_age_s=None if self._report_ns is None else (now_ns - self._report_ns) / NS,
            faults=self._faults,
        )


class _Lag:
    """Arrival minus capture. Its minimum over a while is free of jitter, and moves with the clocks only."""

    def __init__(self) -> None:
        self.last_ns: int | None = None
        self.drift_ns: int | None = None
        self._first_ns: int | None = None
        self._least_ns: int | None = None
        self._began_ns = 0

    def add(self, lag_ns: int, arrival_ns: int) -> None:
        self.last_ns = lag_ns
        if self._least_ns is not None and arrival_ns - self._began_ns >= LAG_WINDOW_NS:
            if self._first_ns is None:
                self._first_ns = self._least_ns
            self.drift_ns = self._first_ns - self._least_ns
            self._least_ns = None
        if self._least_ns is None:
            self._least_ns, self._began_ns = lag_ns, arrival_ns
        self._least_ns = min(self._least_ns, lag_ns)
