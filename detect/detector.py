"""The edge to a detector: frames in, the vehicles in them out."""

from collections.abc import Sequence
from typing import Protocol

from detect.detections import Detections
from ingest.frame import Frame


class Detector(Protocol):
    """Finds vehicles.

    One detector serves all cameras of a process from one thread; what it has to remember it keeps by
    `frame.camera_id`. Boxes lie within the frame; none of them is empty.
    """

    def __call__(self, frame: Frame) -> Detections: ...


class BatchDetector(Protocol):
    """Finds vehicles in several frames at once, at most one of each camera: the result has one entry a frame, in order.

    What is found in a frame does not depend on the other frames beside it.
    """

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]: ...


class OneByOne:
    """A detector of single frames where several are handed over."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detector(frame) for frame in frames]
