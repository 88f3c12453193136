"""The pace of a stream that comes in segments."""

import threading

from ingest.clock import NS, Clock

MOST_S = 30.0
"""No frame is delivered later than this after its capture for the sake of an even pace."""


class Pace:
    """Delivers the frames of a segment, which come all at once, as far apart as they were captured.

    Otherwise most of them would be replaced by newer ones before anybody had looked at them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first_s: float | None = None
        self._behind_s = 0.0  # the delivery of a frame after its capture, as late as ever was needed

    def wait_for(self, captured_ns: int, closed: threading.Event) -> None:
        """Wait until a frame is due, or until `closed`."""
        now_s = self._clock.monotonic_s() - captured_ns / NS
        if self._first_s is None:
            self._first_s = self._behind_s = now_s
        self._behind_s = min(max(self._behind_s, now_s), self._first_s + MOST_S)
        closed.wait(self._behind_s - now_s)
