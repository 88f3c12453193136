"""Which frames are looked at: one every so often of the camera's own time, and fewer while it is too much."""

from ingest.clock import NS

SLOWEST = 32.0
"""Even a camera that hardly gets a turn is looked at this many times less often at most."""
PATIENCE = 24
"""After so many frames that were fetched in time the beat is tried a little faster again."""


class Beat:
    """A regular choice of frames: every n-th of a steady stream, whatever n comes out at.

    The choice depends on capture times only, so that a recording gives the same one on every machine. For a live
    camera `told(in_time=...)` says after each chosen frame whether the one before it had been fetched by then;
    where it had not, the beat slows down, because frames at an even, slower rate track better than frames that are
    dropped at random.
    """

    def __init__(self, frames_per_s: float) -> None:
        self._interval_ns = NS / frames_per_s
        self._stretch = 1.0
        self._in_time = 0
        self._due_ns: float | None = None

    @property
    def frames_per_s(self) -> float:
        """The present rate."""
        return NS / (self._interval_ns * self._stretch)

    def chooses(self, captured_ns: int) -> bool:
        """Whether the frame of this time is to be looked at; call for every frame, in order."""
        if self._due_ns is not None and captured_ns < self._due_ns:
            return False
        interval_ns = self._interval_ns * self._stretch
        # Keep the beat, but do not run after it when frames were missing.
        next_ns = captured_ns if self._due_ns is None else self._due_ns
        next_ns += interval_ns
        self._due_ns = next_ns if next_ns > captured_ns else captured_ns + interval_ns
        return True

    def told(self, *, in_time: bool) -> None:
        """Adapt: slower by a quarter at once, faster by a tenth after a while."""
        if not in_time:
            self._stretch = min(self._stretch * 1.25, SLOWEST)
            self._in_time = 0
            return
        self._in_time += 1
        if self._in_time >= PATIENCE and self._stretch > 1.0:
            self._stretch = max(self._stretch / 1.1, 1.0)
            self._in_time = 0
