"""Detectors of the ATSS family in OpenVINO's format (Zhang et al. 2020): boxes already chosen, as many as there are."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip
from detect.detections import Detections
from detect.networks import AtssModel
from detect.openvino_network import OpenVinoNetwork
from ingest.frame import Frame


class AtssDetector:
    """A network with input (1, 3, H, W) BGR 0..255 and two outputs: `boxes` (N, 5) and `labels` (N,), N up to 100.

    The image is stretched to the input, as these networks were trained. Reading the files raises WeightsError.
    """

    def __init__(self, model_xml: Path, model: AtssModel, *, min_score: float | None = None, threads: int = 0) -> None:
        self._network = OpenVinoNetwork(model_xml, threads=threads)
        self._vehicle_class = model.vehicle_class
        self._min_score = model.min_score if min_score is None else min_score

    def __call__(self, frame: Frame) -> Detections:
        outputs = self._network(self._network.stretch(frame.image))
        rows, labels = outputs["boxes"].reshape(-1, 5), outputs["labels"].reshape(-1)
        return decode(rows, labels == self._vehicle_class, self._network.size, frame.size, self._min_score)


def decode(
    rows: NDArray[np.float32],
    vehicles: NDArray[np.bool_],
    input_size: tuple[int, int],
    size: tuple[int, int],
    min_score: float,
) -> Detections:
    """Decode (N, 5) rows of box, in pixels of an input of (width, height), and score to vehicles in pixels of an image.

    vehicles: (N,) bool, the rows of the class that is used. size: width and height of the image.
    """
    rows = rows[vehicles & (rows[:, 4] >= min_score)]
    across, down = size[0] / input_size[0], size[1] / input_size[1]
    boxes = clip(rows[:, :4] * np.array([across, down, across, down], np.float32), size)
    return Detections.of(boxes, rows[:, 4]).select(areas(boxes) >= 1.0)
