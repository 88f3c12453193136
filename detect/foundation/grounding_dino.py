"""Grounding DINO (Liu et al. 2023) as a detector: open vocabulary by prompt, many cameras a batch."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

from detect.accelerator import Precision, choose_device
from detect.boxes import areas, clip, suppress
from detect.detections import Boxes, Detections
from detect.foundation.grounding_dino_network import Architecture, EncodedPrompt, load_network
from detect.foundation.prompts import Prompt
from ingest.errors import TooLargeError
from ingest.frame import Frame, Image

LONG_TO_SHORT = 1333 / 800
"""The network was trained on images with a short side of 800 pixels and a long one of at most 1333."""

STRIDES = (8, 16, 32, 64)
QUERIES = 900
"""Boxes start from as many of the places on the four grids: an image must have that many."""

PADDING_BGR = (104, 116, 124)
"""The mean colour of the training images: nothing, to the network."""

MAX_IOU = 0.7
"""Two boxes that share more than this are one vehicle under two nouns (or found twice): the surer one stays."""

log = logging.getLogger(__name__)


class GroundingDino:
    """Open-vocabulary detector: the objects that each camera's prompt names, labelled by noun, batched over cameras.

    `prompt_of` gives the prompt of a camera by its id. Frames are resized to `short_side_px` as the library does, and
    those of one prompt and one size share a batch of at most `max_batch`: a padded image or another caption beside it
    would change what is found. A box's score is that of its best token and must exceed `box_score`; `phrase_score`
    says which tokens count towards its name (`Prompt.name`). `max_iou` 1 keeps duplicates.

    Raises WeightsError for files that do not fit, ConfigError for a device that is not there; the first frame of a
    camera, or `prepare`, raises ConfigError for a prompt that cannot be used.
    """

    def __init__(
        self,
        checkpoint: Path,
        text_encoder: Path,
        architecture: Architecture,
        *,
        prompt_of: Callable[[str], str],
        box_score: float = 0.3,
        phrase_score: float = 0.25,
        max_iou: float = MAX_IOU,
        device: str = "auto",
        precision: Precision = "auto",
        short_side_px: int = 800,
        max_batch: int = 8,
    ) -> None:
        self._network = load_network(checkpoint, text_encoder, architecture, choose_device(device), precision)
        self._prompt_of = prompt_of
        self._box_score = box_score
        self._phrase_score = phrase_score
        self._max_iou = max_iou
        self._short_side_px = short_side_px
        self._max_batch = max_batch
        self._encoded_prompts: dict[str, EncodedPrompt] = {}

    def prepare(self, camera_ids: Iterable[str]) -> None:
        """Read and encode the prompts of these cameras before their first frames; raises ConfigError."""
        for camera_id in camera_ids:
            self._encoded_prompt(camera_id)

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        # Step 1: group frames that may share a batch, those of one prompt and one canvas
        fits = [ResizePad.of(frame.size, self._short_side_px) for frame in frames]
        prompts = [self._encoded_prompt(frame.camera_id) for frame in frames]
        groups: dict[tuple[str, tuple[int, int]], list[int]] = {}
        for row, (fit, text) in enumerate(zip(fits, prompts, strict=True)):
            groups.setdefault((text.prompt.caption, fit.canvas), []).append(row)
        # Step 2: run each group, and put its detections back in the order of the frames
        found = [Detections.none()] * len(frames)
        for rows in groups.values():
            images = np.stack([fits[row].apply(frames[row].image) for row in rows])
            scores, boxes = self._run(images, prompts[rows[0]])
            for row, frame_scores, frame_boxes in zip(rows, scores, boxes, strict=True):
                found[row] = self._detections(frame_scores, frame_boxes, prompts[row], fits[row])
        return found

    def _encoded_prompt(self, camera_id: str) -> EncodedPrompt:
        prompt = Prompt.of(self._prompt_of(camera_id))
        if prompt.caption not in self._encoded_prompts:
            self._encoded_prompts[prompt.caption] = self._network.encode_prompt(prompt)
        return self._encoded_prompts[prompt.caption]

    def _run(self, images: NDArray[np.uint8], text: EncodedPrompt) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute scores and boxes of all images; a batch too large for the GPU halves the batch size from then on."""
        results: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        done, before = 0, self._max_batch
        while done < len(images):
            batch = images[done : done + self._max_batch]
            try:
                results.append(self._network(batch, text))
                done += len(batch)
                continue
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    size = f"{batch.shape[2]}x{batch.shape[1]} pixels"
                    raise TooLargeError(
                        f"out of GPU memory with one image of {size} (free the GPU, or lower short_side_px)"
                    ) from error
            self._max_batch = len(batch) // 2
            torch.cuda.empty_cache()  # outside the handler, which keeps the tensors of the failed call alive
        if self._max_batch < before:
            log.warning("Out of GPU memory with batches of %d images; from now on %d", before, self._max_batch)
        scores, boxes = zip(*results, strict=True)
        return np.concatenate(scores), np.concatenate(boxes)

    def _detections(
        self, scores: NDArray[np.float32], boxes: NDArray[np.float32], text: EncodedPrompt, fit: "ResizePad"
    ) -> Detections:
        """Decode (Q, T) scores and (Q, 4) boxes to detections above the box score, in pixels of the frame."""
        surest = scores.max(axis=1)
        sure = surest > self._box_score
        labels = text.prompt.name(scores[sure], text.token_nouns, self._phrase_score)
        found = Detections.of(fit.undo(boxes[sure]), surest[sure], labels)
        found = found.select(areas(found.boxes) >= 1.0)
        return found.select(suppress(found.boxes, found.scores, self._max_iou))


@dataclass(frozen=True, slots=True)
class ResizePad:
    """Resize and pad a frame to the network's input, all (width, height): `scaled`, in the upper left of `canvas`."""

    size: tuple[int, int]
    scaled: tuple[int, int]
    canvas: tuple[int, int]

    @classmethod
    def of(cls, size: tuple[int, int], short_side_px: int) -> "ResizePad":
        """Fit a frame of (width, height) as the library's own predictor does, on a larger canvas where it is tiny.

        `short_side_px` is the short side of the resized frame; the canvas grows until its grids have QUERIES cells.
        """
        scaled = _scaled(size, short_side_px, round(short_side_px * LONG_TO_SHORT))
        width, height = scaled
        while _places(width, height) < QUERIES:
            if width < height:
                width += STRIDES[-1]
            else:
                height += STRIDES[-1]
        return cls(size, scaled, (width, height))

    def apply(self, image: Image) -> Image:
        """Resize an image and pad it on the right and below with the mean colour: (H, W, 3) uint8."""
        # Pillow's bilinear filter looks at all pixels when it shrinks, as in training; OpenCV's does not.
        resized = np.asarray(Pillow.fromarray(image).resize(self.scaled, Pillow.Resampling.BILINEAR))
        if self.scaled == self.canvas:
            return resized
        canvas = np.full((self.canvas[1], self.canvas[0], 3), PADDING_BGR, np.uint8)
        canvas[: self.scaled[1], : self.scaled[0]] = resized
        return canvas

    def undo(self, boxes: NDArray[np.float32]) -> Boxes:
        """Map (N, 4) boxes (centre, width, height as shares of the canvas) to xyxy pixels of the frame, clipped."""
        unit = np.array(self.size) * np.array(self.canvas) / np.array(self.scaled)
        centres, halves = boxes[:, :2] * unit, boxes[:, 2:] * unit / 2
        return clip(np.hstack([centres - halves, centres + halves]).astype(np.float32), self.size)


def _scaled(size: tuple[int, int], short_px: int, long_px: int) -> tuple[int, int]:
    """Size with a short side of `short_px`, less where the long one would exceed `long_px`; the library's rounding."""
    low, high = min(size), max(size)
    if high / low * short_px > long_px:
        short_px = max(1, round(long_px * low / high))
    # Only where the short side would be no pixel at all is the long one cut.
    other_px = min(int(short_px * high / low), 2 * long_px)
    return (short_px, other_px) if size[0] < size[1] else (other_px, short_px)


def _places(width: int, height: int) -> int:
    """Number of cells that the four grids have together over an image."""
    return sum(math.ceil(width / stride) * math.ceil(height / stride) for stride in STRIDES)
