"""The wall clock and the monotonic clock: time enters the program through this module only."""

import os
import time
from pathlib import Path
from typing import Protocol

NS = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """Time, and waiting for it."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of a clock that never goes back; only differences mean something."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a negative or zero time returns at once."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class ManualClock:
    """A clock that moves only by `sleep`."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_s(self) -> float:
        return self._now_ns / NS

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._now_ns += round(seconds * NS)


def thread_cpu_s(native_id: int) -> float | None:
    """Processor time that a thread of this process has used so far, in seconds; None once it has ended."""
    try:
        stat = Path(f"/proc/self/task/{native_id}/stat").read_text()
    except OSError:
        return None
    user_ticks, system_ticks = stat.rpartition(")")[2].split()[11:13]  # proc(5): utime, stime
    return (int(user_ticks) + int(system_ticks)) / os.sysconf("SC_CLK_TCK")
