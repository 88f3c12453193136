"""Detectors of the SSD family in OpenVINO's format, on the CPU."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip
from detect.detections import Detections
from detect.networks import CROSSROAD_1016, SsdModel
from detect.openvino_network import OpenVinoNetwork
from ingest.frame import Frame


class SsdDetector:
    """A network with input (1, 3, S, S) BGR 0..255 and output (1, 1, K, 7): image, class, score, box in [0, 1].

    The image is stretched to the input, as these networks were trained. Reading the files raises WeightsError.
    """

    def __init__(self, model_xml: Path, model: SsdModel, *, min_score: float | None = None, threads: int = 0) -> None:
        self._network = OpenVinoNetwork(model_xml, threads=threads)
        self._vehicle_class = model.vehicle_class
        self._min_score = model.min_score if min_score is None else min_score

    def __call__(self, frame: Frame) -> Detections:
        (rows,) = self._network(self._network.stretch(frame.image)).values()
        return decode(rows.reshape(-1, 7), frame.size, self._vehicle_class, self._min_score)


def decode(rows: NDArray[np.float32], size: tuple[int, int], vehicle_class: int, min_score: float) -> Detections:
    """Decode (K, 7) rows to vehicles, in pixels of an image of (width, height)."""
    # The list ends at the first row whose image number is negative.
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    rows = rows[(rows[:, 1] == vehicle_class) & (rows[:, 2] >= min_score)]
    width, height = size
    boxes = clip(rows[:, 3:7] * np.array([width, height, width, height], np.float32), size)
    return Detections.of(boxes, rows[:, 2]).select(areas(boxes) >= 1.0)


__all__ = ["CROSSROAD_1016", "SsdDetector", "SsdModel", "decode"]
