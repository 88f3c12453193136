"""Detectors of the SSD family in OpenVINO's format, on the CPU."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detect.boxes import areas, clip
from detect.detections import Detections
from detect.quiet_openvino import openvino
from ingest.errors import WeightsError
from ingest.frame import Frame


@dataclass(frozen=True, slots=True)
class SsdModel:
    """What has to be known of a network beside its files: which class is a vehicle, and which score is worth it."""

    vehicle_class: int
    min_score: float


# Weak detections start no track but continue one: .15 is the middle of a plateau of IDF1 (docs/benchmarks.md).
CROSSROAD_1016 = SsdModel(vehicle_class=1, min_score=0.15)


class OpenVinoDetector:
    """A network with input (1, 3, S, S) BGR 0..255 and output (1, 1, K, 7): image, class, score, box in [0, 1].

    The picture is stretched to the input, as these networks were trained. Reading the files raises WeightsError.
    """

    def __init__(self, model_xml: Path, model: SsdModel, *, min_score: float | None = None, threads: int = 0) -> None:
        core = openvino.Core()
        try:
            network = core.read_model(model_xml)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise WeightsError(
                f"cannot read the network {model_xml}: {reason} (run `corridor weights verify`)"
            ) from error
        options: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(network, "CPU", options)
        self._request = self._compiled.create_infer_request()
        _, _, self._height, self._width = self._compiled.input(0).shape
        self._vehicle_class = model.vehicle_class
        self._min_score = model.min_score if min_score is None else min_score

    def __call__(self, frame: Frame) -> Detections:
        width, height = frame.size
        resized = cv2.resize(frame.image, (self._width, self._height), interpolation=cv2.INTER_LINEAR)
        blob = np.ascontiguousarray(resized.transpose(2, 0, 1)[None], np.float32)
        rows = np.array(self._request.infer({0: blob})[self._compiled.output(0)], np.float32).reshape(-1, 7)
        # The list ends at the first row whose image number is negative.
        ends = np.flatnonzero(rows[:, 0] < 0)
        rows = rows[: ends[0]] if len(ends) else rows
        keep = (rows[:, 1] == self._vehicle_class) & (rows[:, 2] >= self._min_score)
        rows = rows[keep]
        boxes = clip(rows[:, 3:7] * np.array([width, height, width, height], np.float32), frame.size)
        found = Detections.of(boxes, rows[:, 2])
        return found.select(areas(boxes) >= 1.0)
