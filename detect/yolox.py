"""YOLOX (Ge et al. 2021): anchor-free boxes on three grids, with COCO's classes."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip, suppress
from detect.detections import Boxes, Detections
from detect.networks import YoloxModel
from detect.openvino_network import OpenVinoNetwork
from ingest.frame import Frame, Image

STRIDES = (8, 16, 32)
PADDING = 114
VEHICLES = {2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
"""COCO's classes (numbered from 0) that are vehicles."""
MAX_IOU = 0.45
"""IoU above which only the surer one of two boxes stays, whatever their classes."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Letterbox: image of `size` (width, height) in a square input as `scaled` (width, height), at its upper left."""

    size: tuple[int, int]
    scaled: tuple[int, int]

    @classmethod
    def fit(cls, size: tuple[int, int], side: int) -> "Letterbox":
        """Fit an image of (width, height) into a square of `side` pixels, its aspect ratio kept but for rounding."""
        width, height = size
        share = min(side / width, side / height)
        return cls(size, (max(1, round(width * share)), max(1, round(height * share))))

    def apply(self, image: Image, side: int) -> Image:
        """Resize an image and pad it with gray on the right and below: (side, side, 3) uint8."""
        width, height = self.scaled
        padded = np.full((side, side, 3), PADDING, np.uint8)
        padded[:height, :width] = cv2.resize(image, self.scaled, interpolation=cv2.INTER_LINEAR)
        return padded

    def undo(self, boxes: Boxes) -> Boxes:
        """Map boxes of the input to boxes of the image, clipped to it."""
        across, down = self.size[0] / self.scaled[0], self.size[1] / self.scaled[1]
        return clip(boxes * np.array([across, down, across, down], np.float32), self.size)


class YoloxDetector:
    """A network with input (1, 3, S, S) BGR 0..255, letterboxed, and output (1, A, 85): see `decode`.

    Labels are COCO's: car, motorcycle, bus, truck. Reading the file raises WeightsError.
    """

    def __init__(
        self, model_onnx: Path, model: YoloxModel, *, min_score: float | None = None, threads: int = 0
    ) -> None:
        self._network = OpenVinoNetwork(model_onnx, threads=threads)
        self._side = self._network.size[0]
        self._min_score = model.min_score if min_score is None else min_score

    def __call__(self, frame: Frame) -> Detections:
        letterbox = Letterbox.fit(frame.size, self._side)
        (output,) = self._network(letterbox.apply(frame.image, self._side)).values()
        found = decode(output.reshape(-1, output.shape[-1]), self._side, self._min_score)
        boxes = letterbox.undo(found.boxes)
        return Detections.of(boxes, found.scores, found.labels).select(areas(boxes) >= 1.0)


def decode(rows: NDArray[np.float32], side: int, min_score: float) -> Detections:
    """Decode (A, 5 + classes) rows to vehicles, in pixels of the input, one box each.

    A row is an anchor of one of the grids: centre relative to its cell and logarithm of the size, both in strides;
    objectness; the classes' probabilities. The score is objectness times the surest vehicle's probability. The classes
    of one vehicle are often confused, so they share one non-maximum suppression.
    """
    # Step 1: the surest vehicle class of every anchor
    classes = np.array(list(VEHICLES))
    vehicles = rows[:, 5 + classes]
    scores = rows[:, 4] * vehicles.max(axis=1)
    sure = np.flatnonzero(scores >= min_score)
    # Step 2: boxes from cells and strides
    cells, strides = _grid(side)
    centres = (rows[sure, :2] + cells[sure]) * strides[sure, None]
    halves = np.exp(rows[sure, 2:4]) * strides[sure, None] / 2
    boxes = np.hstack([centres - halves, centres + halves])
    # Step 3: one non-maximum suppression over all classes
    labels = tuple(VEHICLES[int(each)] for each in classes[vehicles[sure].argmax(axis=1)])
    found = Detections.of(boxes, scores[sure], labels)
    return found.select(suppress(found.boxes, found.scores, MAX_IOU))


def _grid(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(A, 2) cells as column and row, and (A,) their strides: the finest grid first, each row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        count = side // stride
        down, across = np.divmod(np.arange(count * count), count)
        cells.append(np.stack([across, down], axis=1))
        strides.append(np.full(count * count, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
