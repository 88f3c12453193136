"""Recordings of the city as the cameras that made them: RTSP in real time, all in one time."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from deploy.city.recording import Recording
from deploy.city.rtsp.server import RtspServer
from ingest.clock import NS, Clock
from ingest.network.access_unit import AccessUnit
from ingest.synthetic.world.truth_file import read_truth_header


class Playback:
    """The time of the city while it is played: it begins when the first camera is asked for its frames."""

    def __init__(self, clock: Clock, lap_s: float, *, loop: bool = False) -> None:
        """lap_s: how long it takes once; with `loop` again and again."""
        self.clock, self.loop = clock, loop
        self.lap_ns = round(lap_s * NS)
        self._lock = threading.Lock()
        self._began_ns: int | None = None

    def began_ns(self) -> int:
        """Begin now if it has not begun yet; returns the beginning, Unix nanoseconds."""
        with self._lock:
            if self._began_ns is None:
                self._began_ns = self.clock.now_ns()
            return self._began_ns

    @property
    def over(self) -> bool:
        """True where everything has been played."""
        with self._lock:
            began_ns = self._began_ns
        return not self.loop and began_ns is not None and self.clock.now_ns() > began_ns + self.lap_ns


def mount(server: RtspServer, path: str, recording: Recording, playback: Playback) -> None:
    """Have a server play a recording under a path, with the clock of the camera, right or wrong."""
    clock, first_ns = read_truth_header(recording.truth).clock, recording.first_ns()
    faults = server.add(path, lambda: played(recording.video, first_ns, playback))
    faults.clock_offset_s, faults.clock_drift_ppm = clock.offset_s, clock.drift_ppm


def played(video: Path, first_ns: int, playback: Playback) -> Iterator[AccessUnit]:
    """The frames of a recording from now on, the first one a key frame, then through outages to the end.

    first_ns: how long after the beginning of the city's time its first frame was captured.
    """
    from ingest.network.h264 import recorded_units  # loads the codecs: only who plays needs them

    began_ns, joined = playback.began_ns(), False
    for lap in count():
        lap_ns = began_ns + lap * playback.lap_ns
        if playback.clock.now_ns() < lap_ns + playback.lap_ns:
            for unit in recorded_units(video, starts_ns=lap_ns + first_ns):
                joined = joined or (unit.keyframe and unit.captured_ns >= playback.clock.now_ns())
                if joined:
                    yield unit
        if not playback.loop:
            return
