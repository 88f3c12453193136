"""The edge to a detector: a frame in, the vehicles in it out."""

from typing import Protocol

from detect.detections import Detections
from ingest.frame import Frame


class Detector(Protocol):
    """Finds vehicles.

    One detector serves all cameras of a process from one thread; what it has to remember it keeps by
    `frame.camera_id`. Boxes lie within the frame; none of them is empty.
    """

    def __call__(self, frame: Frame) -> Detections: ...
