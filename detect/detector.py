"""The interface of a detector: frames in, the vehicles in them out."""

from collections.abc import Sequence
from typing import Protocol

from detect.detections import Detections
from ingest.frame import Frame


class Detector(Protocol):
    """A detector of vehicles in single frames.

    One detector serves all cameras of a process from one thread; what it has to remember it keeps by
    `frame.camera_id`. Boxes lie within the frame; none of them is empty.
    """

    def __call__(self, frame: Frame) -> Detections: ...


class BatchDetector(Protocol):
    """A detector of vehicles in several frames at once, at most one a camera; one entry a frame, in order.

    What is found in a frame does not depend on the other frames beside it.
    """

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]: ...


class OneByOne:
    """Adapter from a detector of single frames to a `BatchDetector`: one call a frame."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detector(frame) for frame in frames]
