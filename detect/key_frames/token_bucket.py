"""Token buckets for an expensive detector: so many calls a second, or a share of its time."""

from typing import Protocol

from ingest.clock import NS, Clock

CAPACITY_CALLS = 2.0
"""Calls that a camera can save up: what is not urgent waits for the second, so that one is left for what is."""


class TokenBucket(Protocol):
    """The calls that may be made. A call is one frame in front of the expensive detector."""

    def refill(self, camera_id: str, captured_ns: int) -> None:
        """Add the calls, or the time, accrued up to a camera's new frame."""
        ...

    def available(self, camera_id: str) -> float:
        """Number of calls that a camera may make now; less than 1 is none."""
        ...

    def consume(self, camera_id: str) -> None:
        """Take one call for a frame of a camera."""
        ...

    def record_cost(self, calls: int, busy_s: float) -> None:
        """Record the time that a number of calls took together."""
        ...


class CallRateBucket:
    """Budget of calls a second for each camera, in its own capture time.

    A recording then gives the same on every machine, and beside any other camera.
    """

    def __init__(self, calls_per_s: float) -> None:
        self._calls_per_s = calls_per_s
        self._available: dict[str, float] = {}
        self._refilled_ns: dict[str, int] = {}

    def refill(self, camera_id: str, captured_ns: int) -> None:
        passed_s = max(0, captured_ns - self._refilled_ns.get(camera_id, captured_ns)) / NS
        self._available[camera_id] = min(CAPACITY_CALLS, self.available(camera_id) + passed_s * self._calls_per_s)
        self._refilled_ns[camera_id] = captured_ns

    def available(self, camera_id: str) -> float:
        return self._available.get(camera_id, CAPACITY_CALLS)

    def consume(self, camera_id: str) -> None:
        self._available[camera_id] = self.available(camera_id) - 1

    def record_cost(self, calls: int, busy_s: float) -> None:
        pass


class BusyShareBucket:
    """Budget of a share of the time that passes on a clock, for all cameras together: the most urgent one has it.

    What a second brings can be saved up, or two calls; what was busy for longer than expected is waited for. The first
    call is not charged: it is what a network takes to warm up.
    """

    def __init__(self, share: float, clock: Clock) -> None:
        self._share = share
        self._clock = clock
        self._refilled_s = clock.monotonic_s()
        self._available_s = 0.0
        self._warm = False
        self._call_s = 0.0  # as measured last

    def refill(self, camera_id: str, captured_ns: int) -> None:
        now_s = self._clock.monotonic_s()
        capacity_s = max(self._share, CAPACITY_CALLS * self._call_s)
        self._available_s = min(capacity_s, self._available_s + (now_s - self._refilled_s) * self._share)
        self._refilled_s = now_s

    def available(self, camera_id: str) -> float:
        if self._call_s > 0:
            return self._available_s / self._call_s
        return CAPACITY_CALLS if self._available_s > 0 or not self._warm else 0.0

    def consume(self, camera_id: str) -> None:
        self._available_s -= self._call_s

    def record_cost(self, calls: int, busy_s: float) -> None:
        if self._warm:
            self._available_s += calls * self._call_s - busy_s
            self._call_s = busy_s / calls
        self._warm = True
