"""The rate limit of logins, asked before a password is hashed: guessing costs the guesser, not this machine."""

import threading
from collections import OrderedDict

from ingest.clock import Clock

BURST = 5
"""Attempts at once, of one address and of one name."""
EVERY_S = 30.0
"""Seconds after which a further attempt is allowed."""
WAITING = 8
"""Logins that may wait for their hash at the same time."""
KEPT = 10_000
"""Addresses and names that are remembered."""


class LoginLimit:
    """Token buckets by address and by name, and a limit of logins under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = 0
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def begin(self, address: str, name: str) -> float:
        """Ask to try a password; returns 0 if that may be done now (then call `end`), else the seconds to wait."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            if self._waiting >= WAITING:
                return 1.0
            keys = f"address {address}", f"name {name}"
            left = {key: self._left(key, now_s) for key in keys}
            if min(left.values()) < 1:
                return (1 - min(left.values())) * EVERY_S
            for key in keys:
                self._buckets[key] = left[key] - 1, now_s
                self._buckets.move_to_end(key)
            while len(self._buckets) > KEPT:
                self._buckets.popitem(last=False)
            self._waiting += 1
            return 0.0

    def end(self, address: str, name: str, *, right: bool) -> None:
        """Note the outcome; a right password is no attempt."""
        with self._lock:
            self._waiting -= 1
            if right:
                for key in (f"address {address}", f"name {name}"):
                    self._buckets.pop(key, None)

    def _left(self, key: str, now_s: float) -> float:
        tokens, at_s = self._buckets.get(key, (float(BURST), now_s))
        return min(float(BURST), tokens + (now_s - at_s) / EVERY_S)
