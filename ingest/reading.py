"""Progress of the reading of a recording or of the rendering of a city, as opposed to hanging."""

import threading
from collections.abc import Callable

from ingest.clock import Clock, thread_cpu_s

LOOK_EVERY_S = 1.0
"""Seconds between two questions to the system for processor times."""

LOOKED_AT_MOST_S = 2.0
"""Most that one look adds to the time without progress: a process that is stopped or starved itself saw nothing."""


class ReadingProgress:
    """Time for which local sources have made no progress: no frame, and no processor time of a reading thread.

    A slow machine, however slow, is progress; a dead network share is not. Cameras that wait for each other, as those
    of one renderer do, share one of these. Threads may report and look at the same time.
    """

    def __init__(self, clock: Clock, *, cpu_s: Callable[[int], float | None] = thread_cpu_s) -> None:
        self._clock = clock
        self._cpu_s = cpu_s
        self._threads: dict[str, int] = {}  # native ids by camera
        self._used_s: dict[str, float | None] = {}
        self._idle_s = 0.0
        self._looked_s = clock.monotonic_s()
        self._lock = threading.Lock()

    def begin(self, camera_id: str) -> None:
        """Note the calling thread as the one that reads a camera from now on."""
        with self._lock:
            self._threads[camera_id] = threading.get_native_id()
            self._idle_s = 0.0

    def end(self, camera_id: str) -> None:
        """Note that no thread reads a camera any more."""
        with self._lock:
            self._threads.pop(camera_id, None)

    def frame(self) -> None:
        """Note that a frame has come."""
        with self._lock:
            self._idle_s = 0.0

    def idle_s(self) -> float:
        """Seconds without progress, as far as this has been asked: to be called now and then."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            passed_s = now_s - self._looked_s
            if passed_s >= LOOK_EVERY_S:
                self._looked_s = now_s
                used_s = {camera: self._cpu_s(thread) for camera, thread in self._threads.items()}
                moved, self._used_s = used_s != self._used_s, used_s
                self._idle_s = 0.0 if moved else self._idle_s + min(passed_s, LOOKED_AT_MOST_S)
            return self._idle_s
