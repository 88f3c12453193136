"""Isolation of failures: a frame that cannot be analysed costs no other camera's frame."""

import logging
from collections.abc import Sequence

from detect.detections import Detections
from detect.detector import BatchDetector
from ingest.errors import CorridorError, TooLargeError
from ingest.frame import Frame

logger = logging.getLogger(__name__)


class IsolatingDetector:
    """A batch detector whose failures stay with the frames that cause them.

    Frames that fail together are tried one by one. A camera whose last frame failed is not put together with others
    until one of its frames has been analysed, so that frames are analysed twice only when a camera begins to fail.
    """

    def __init__(self, detector: BatchDetector) -> None:
        self._detector = detector
        self._failing: set[str] = set()  # cameras

    def __call__(self, frames: Sequence[Frame]) -> list[Detections | Exception]:
        """Detect in each frame, or return the error in its place; an error that is no frame's is raised."""
        together = [frame for frame in frames if frame.camera_id not in self._failing]
        found: dict[str, Detections | Exception] = {}
        if len(together) > 1:
            try:
                found.update(zip((frame.camera_id for frame in together), self._detector(together), strict=True))
            except Exception as error:
                if affects_every_frame(error):
                    raise
                found.clear()
                logger.debug("%d frames could not be analysed together: %s", len(together), error)
        return [found[frame.camera_id] if frame.camera_id in found else self._alone(frame) for frame in frames]

    def _alone(self, frame: Frame) -> Detections | Exception:
        try:
            (found,) = self._detector([frame])
        except Exception as error:
            if affects_every_frame(error):
                raise
            self._failing.add(frame.camera_id)
            return error
        self._failing.discard(frame.camera_id)
        return found


def affects_every_frame(error: Exception) -> bool:
    """True for an error that is not about one frame: Corridor's own are about settings, log or weights, but for one."""
    return isinstance(error, CorridorError) and not isinstance(error, TooLargeError)
