"""How much of an expensive detector may be used: so many calls a second, or a share of its time."""

from typing import Protocol

from ingest.clock import NS, Clock

DEPTH = 2.0
"""Calls that a camera can save up: what is not urgent waits for the second, so that one is left for what is."""


class Allowance(Protocol):
    """What may be spent. A call is one frame in front of the expensive detector."""

    def grow(self, camera_id: str, captured_ns: int) -> None:
        """A frame of a camera has come."""
        ...

    def left(self, camera_id: str) -> float:
        """The calls that a camera may have now."""
        ...

    def spend(self, camera_id: str) -> None:
        """A frame of a camera is going to be looked at."""
        ...

    def took(self, calls: int, busy_s: float) -> None:
        """So many frames have been looked at, in so much time."""
        ...


class CallsPerSecond:
    """So many calls for each camera in a second of its own capture time.

    A recording then gives the same on every machine, and beside any other camera.
    """

    def __init__(self, calls_per_s: float) -> None:
        self._calls_per_s = calls_per_s
        self._left: dict[str, float] = {}
        self._at_ns: dict[str, int] = {}

    def grow(self, camera_id: str, captured_ns: int) -> None:
        passed_s = max(0, captured_ns - self._at_ns.get(camera_id, captured_ns)) / NS
        self._left[camera_id] = min(DEPTH, self.left(camera_id) + passed_s * self._calls_per_s)
        self._at_ns[camera_id] = captured_ns

    def left(self, camera_id: str) -> float:
        return self._left.get(camera_id, DEPTH)

    def spend(self, camera_id: str) -> None:
        self._left[camera_id] = self.left(camera_id) - 1

    def took(self, calls: int, busy_s: float) -> None:
        pass


class ShareOfTime:
    """A share of the time that passes on a clock, for all cameras together: who needs it most has it.

    What a second brings can be saved up, or two calls; what was busy for longer than expected is waited for. The first
    call is not charged: it is what a network takes to warm up.
    """

    def __init__(self, share: float, clock: Clock) -> None:
        self._share = share
        self._clock = clock
        self._at_s = clock.monotonic_s()
        self._left_s = 0.0
        self._warm = False
        self._call_s = 0.0  # as measured last

    def grow(self, camera_id: str, captured_ns: int) -> None:
        now_s = self._clock.monotonic_s()
        full_s = max(self._share, DEPTH * self._call_s)
        self._left_s = min(full_s, self._left_s + (now_s - self._at_s) * self._share)
        self._at_s = now_s

    def left(self, camera_id: str) -> float:
        if self._call_s > 0:
            return self._left_s / self._call_s
        return DEPTH if self._left_s > 0 or not self._warm else 0.0

    def spend(self, camera_id: str) -> None:
        self._left_s -= self._call_s

    def took(self, calls: int, busy_s: float) -> None:
        if self._warm:
            self._left_s += calls * self._call_s - busy_s
            self._call_s = busy_s / calls
        self._warm = True
