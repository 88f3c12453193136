"""A first look at cameras: all of them are opened at once, and each has a few seconds for its first frame."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.camera import Camera
from ingest.clock import Clock
from ingest.errors import CorridorError, SourceError
from ingest.frame import Frame
from ingest.open_camera import check_source, open_camera
from ingest.redact import redact, redact_source
from ingest.source import VideoSource

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The first frame of a camera, or why there is none."""

    camera: Camera
    frame: Frame | None = None
    error: str = ""


def look_at(cameras: Sequence[Camera], clock: Clock, *, wait_s: float = WAIT_S) -> list[FirstLook]:
    """Open cameras, each in its own thread, and return what came within `wait_s`, in their order."""
    opened = [_Opening(camera) for camera in cameras]
    for each in opened:
        each.start()
    deadline_s = clock.monotonic_s() + wait_s
    for each in opened:
        each.done.wait(max(0.0, deadline_s - clock.monotonic_s()))
    return [each.result(wait_s) for each in opened]


class _Opening(threading.Thread):
    """One camera that is being opened; nobody waits for it when its time is over."""

    def __init__(self, camera: Camera) -> None:
        super().__init__(name=f"look at {camera.id}", daemon=True)
        self.done = threading.Event()
        self._camera = camera
        self._source: VideoSource | None = None
        self._found: FirstLook | None = None

    def run(self) -> None:
        try:
            self._found = FirstLook(self._camera, frame=self._first_frame())
        except CorridorError as error:
            self._found = FirstLook(self._camera, error=redact(str(error)))
        except Exception as error:  # of a library: its camera is the one that has no frame
            self._found = FirstLook(self._camera, error=redact(f"{type(error).__name__}: {error}"))
        finally:
            self.done.set()

    def result(self, wait_s: float) -> FirstLook:
        """Result of the look; without one its source is closed, and the error names `wait_s`. Raises nothing."""
        if self._found is not None:
            return self._found
        if self._source is not None:
            self._source.close()
        where = redact_source(self._camera.source)
        return FirstLook(self._camera, error=f"camera '{self._camera.id}': no frame from {where} within {wait_s:g} s")

    def _first_frame(self) -> Frame:
        check_source(self._camera)
        self._source = open_camera(self._camera, starts_ns=0)
        try:
            for frame in self._source.frames():
                return frame
        finally:
            self._source.close()
        raise SourceError(f"camera '{self._camera.id}': {redact_source(self._camera.source)} opened but gave no frame")
