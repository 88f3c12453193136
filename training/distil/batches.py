"""Batches of training images, drawn from labelled frames by the number of the step alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from detect.site_detector import shrink
from ingest.frame import Image
from training.distil.labels import LabelledFrame
from training.distil.targets import Target, make_target
from training.distil.views import SCALES, View

BATCH = 8
QUALITY = 95


@dataclass(frozen=True, slots=True, eq=False)
class DetectionBatch:
    """Images (B, 3, H, W) float32 BGR 0..255, and the columns of their targets."""

    images: Tensor
    heat: Tensor
    known: Tensor
    boxes: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> "DetectionBatch":
        """Copy the batch to a device, its images channels last."""
        columns = (self.images, self.heat, self.known, self.boxes, self.weight)
        images, *targets = (each.to(device) for each in columns)
        return DetectionBatch(images.contiguous(memory_format=torch.channels_last), *targets)


class DetectionBatches:
    """Frames to learn from, for an input of (width, height); boxes scored below `sure` are passed over, as are
    those of labels that are not learned.

    Frames are held in memory no larger than they will be needed, as JPEG, from their first use on.
    """

    def __init__(
        self, frames: Sequence[LabelledFrame], labels: Sequence[str], size: tuple[int, int], sure: float, seed: int
    ) -> None:
        self._frames, self._labels, self._size = frames, labels, size
        self._sure, self._seed = sure, seed
        self._small: dict[int, bytes] = {}

    def batch(self, step: int) -> DetectionBatch:
        """The batch of a step, from 0 on."""
        rng = np.random.default_rng([self._seed, step])
        rows = rng.choice(len(self._frames), BATCH, replace=len(self._frames) < BATCH)
        drawn = [self._draw(row, rng) for row in rows.tolist()]
        images = np.stack([image for image, _ in drawn]).transpose(0, 3, 1, 2).astype(np.float32)
        targets = [target for _, target in drawn]
        return DetectionBatch(
            torch.from_numpy(images),
            torch.from_numpy(np.stack([each.heat for each in targets])),
            torch.from_numpy(np.stack([each.known for each in targets])),
            torch.from_numpy(np.stack([each.boxes for each in targets])),
            torch.from_numpy(np.stack([each.weight for each in targets])),
        )

    def _draw(self, row: int, rng: np.random.Generator) -> tuple[Image, Target]:
        image, each = self._image(row), self._frames[row]
        height, width = image.shape[:2]
        view = View.drawn((width, height), self._size, rng)
        scale = np.array([width / each.size[0], height / each.size[1]] * 2, np.float32)
        boxes, seen = view.boxes(each.found.boxes * scale, self._size)
        known = np.array([name in self._labels for name in each.found.labels], np.bool_)
        sure = (each.found.scores >= self._sure) & known
        learned = np.flatnonzero(sure & seen)
        numbers = [self._labels.index(each.found.labels[row]) for row in learned]
        target = make_target(boxes[learned], numbers, boxes[~sure], len(self._labels), self._size)
        return view.image(image, self._size), target

    def _image(self, row: int) -> Image:
        if row not in self._small:
            image = self._frames[row].recorded.image()
            (width, height), (wide, high) = image.shape[1::-1], self._size
            most = min(width, round(SCALES[1] * wide)), min(height, round(SCALES[1] * high))
            _, coded = cv2.imencode(".jpg", shrink(image, most), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            self._small[row] = coded.tobytes()
        return np.asarray(cv2.imdecode(np.frombuffer(self._small[row], np.uint8), cv2.IMREAD_COLOR), np.uint8)
