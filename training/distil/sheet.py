"""Held-out frames with the teacher's boxes on the left and the student's on the right, for the eye."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np

from detect.detections import Detections
from ingest.frame import Image
from training.distil.labels import LabelledFrame
from training.evaluation.image_sheet import write_sheet

WIDTH_PX = 480
GAP_PX = 4
ROWS = 10
SURE_BGR, UNSURE_BGR = (60, 220, 60), (150, 150, 150)


def write_pairs(
    path: Path, frames: Sequence[LabelledFrame], predicted: Sequence[Detections], sure: float, start_score: float
) -> None:
    """Up to ROWS frames, of all cameras and evenly over time, those with vehicles first.

    Green: what is sure of itself, with score; gray: the rest. Raises ConfigError where the file cannot be written.
    """
    rows = []
    for number in _choose(frames, sure):
        image, pair = frames[number].recorded.image(), (frames[number].found, predicted[number])
        rows.append([_drawn(image, found, score) for found, score in zip(pair, (sure, start_score), strict=True)])
    gap = np.full((GAP_PX, 2 * WIDTH_PX + GAP_PX, 3), 255, np.uint8)
    column = [np.hstack([left, np.full((len(left), GAP_PX, 3), 255, np.uint8), right]) for left, right in rows]
    parts = [part for row in column for part in (row, gap)]
    write_sheet(path, np.vstack(parts[:-1]))


def _choose(frames: Sequence[LabelledFrame], sure: float) -> list[int]:
    by_camera: dict[str, list[int]] = {}
    for number, each in enumerate(frames):
        by_camera.setdefault(each.recorded.camera_id, []).append(number)
    share = -(-ROWS // max(len(by_camera), 1))
    chosen = []
    for numbers in by_camera.values():
        shown = [number for number in numbers if (frames[number].found.scores >= sure).any()] or numbers
        chosen.append([shown[place] for place in np.unique(np.linspace(0, len(shown) - 1, share).round().astype(int))])
    return [number for row in zip_longest(*chosen) for number in row if number is not None][:ROWS]


def _drawn(image: Image, found: Detections, start_score: float) -> Image:
    scale = WIDTH_PX / image.shape[1]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = cv2.resize(image, (WIDTH_PX, max(1, round(image.shape[0] * scale))), interpolation=interpolation)
    for box, score, label in zip(found.boxes * scale, found.scores.tolist(), found.labels, strict=True):
        left, top, right, bottom = (round(side) for side in box.tolist())
        colour = SURE_BGR if score >= start_score else UNSURE_BGR
        cv2.rectangle(tile, (left, top), (right, bottom), colour, 2 if score >= start_score else 1)
        if score >= start_score:
            place = (left, max(top - 4, 10))
            cv2.putText(tile, f"{label} {score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
