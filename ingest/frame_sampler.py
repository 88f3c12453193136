"""Frame sampler: frames at an even rate of the camera's own time, at a lower one while they cannot be worked off."""

from ingest.clock import NS

MAX_STRETCH = 8.0
"""Most by which the interval between frames is stretched, for a camera that hardly gets a turn."""
SLOW_DOWN, SPEED_UP = 1.15, 1.1
ADAPT_EVERY_NS = NS
"""The rate changes at most once in this much of the camera's time, so that one hiccup counts once."""


class FrameSampler:
    """Sampler at an even rate: every n-th of a steady stream, whatever n comes out at.

    `frames_per_s`: frames asked for in a second of the camera's own time; the property of that name is the present
    rate. The choice depends on capture times only, so that a recording gives the same one on every machine. For a live
    camera `feedback` takes after each accepted frame whether the one before it had been fetched by then. A second
    with a frame that had not lowers the rate, a second without one raises it again up to what was asked for: frames at
    an even, slower rate track better than frames that are dropped at random.
    """

    def __init__(self, frames_per_s: float) -> None:
        self._interval_ns = NS / frames_per_s
        self._stretch = 1.0
        self._due_ns: float | None = None
        self._adapted_ns: int | None = None
        self._late = False

    @property
    def frames_per_s(self) -> float:
        """Present rate in frames a second."""
        return NS / (self._interval_ns * self._stretch)

    def accept(self, captured_ns: int) -> bool:
        """Accept or refuse the frame captured at this time; call for every frame, in order."""
        if self._due_ns is not None and captured_ns < self._due_ns:
            return False
        interval_ns = self._interval_ns * self._stretch
        # Keep the rate, but do not run after it when frames were missing.
        next_ns = captured_ns if self._due_ns is None else self._due_ns
        next_ns += interval_ns
        self._due_ns = next_ns if next_ns > captured_ns else captured_ns + interval_ns
        return True

    def feedback(self, captured_ns: int, *, in_time: bool) -> None:
        """Adapt the rate; `captured_ns` is the capture time of the frame just accepted.

        `in_time`: the frame accepted before it had been fetched when this one came.
        """
        self._late |= not in_time
        if self._adapted_ns is None:
            self._adapted_ns = captured_ns
        if captured_ns - self._adapted_ns < ADAPT_EVERY_NS:
            return
        self._stretch = (
            min(self._stretch * SLOW_DOWN, MAX_STRETCH) if self._late else max(self._stretch / SPEED_UP, 1.0)
        )
        self._adapted_ns, self._late = captured_ns, False
