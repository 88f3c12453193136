"""Motion detection: vehicles as blobs that move before a still background; no weights, blind to standing vehicles."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from ingest.frame import Frame, Image

SCORE = 0.9
"""A moving blob has no confidence of its own; trackers expect one that counts as high."""


class MotionDetector:
    """Background subtraction (Zivkovic 2004, a mixture of Gaussians per pixel) and connected components.

    Every camera has a background of its own; the first `warmup_frames` frames only teach it. `history` is how many
    frames of a new sight make it half background: a vehicle has to pass in fewer. Blobs smaller than `min_area_share`
    of the image are noise. With `masks` the blobs are returned as masks.
    """

    def __init__(
        self,
        *,
        min_area_share: float = 0.0012,
        warmup_frames: int = 3,
        history: int = 400,
        masks: bool = True,
    ) -> None:
        self._masks = masks
        self._min_area_share = min_area_share
        self._warmup_frames = warmup_frames
        self._history = history
        self._backgrounds: dict[str, cv2.BackgroundSubtractorMOG2] = {}
        self._seen: dict[str, int] = {}
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

    def __call__(self, frame: Frame) -> Detections:
        foreground = self._foreground(frame)
        if foreground is None:
            return Detections.none()
        found = blobs(foreground, self._min_area_share)
        return found if self._masks else replace(found, masks=None)

    def _foreground(self, frame: Frame) -> NDArray[np.uint8] | None:
        camera = frame.camera_id
        if camera not in self._backgrounds:
            self._backgrounds[camera] = cv2.createBackgroundSubtractorMOG2(
                history=self._history, varThreshold=30, detectShadows=True
            )
        self._seen[camera] = self._seen.get(camera, 0) + 1
        rate = -1.0 if self._seen[camera] <= self._warmup_frames else 1.0 / self._history
        labels = self._backgrounds[camera].apply(_smooth(frame.image), learningRate=rate)
        if self._seen[camera] <= self._warmup_frames:
            return None
        moving = np.where(labels == 255, np.uint8(255), np.uint8(0))  # 127 marks a shadow
        moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, self._open)
        # Close gaps in proportion to the image, so that glass and roof of one vehicle stay one blob.
        reach = max(3, round(frame.image.shape[1] / 64)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        return np.asarray(cv2.morphologyEx(moving, cv2.MORPH_CLOSE, kernel), np.uint8)


def blobs(foreground: NDArray[np.uint8], min_area_share: float) -> Detections:
    """Connected components of a (H, W) uint8 foreground that are large and dense enough to be a vehicle.

    `min_area_share`: the least area, as a share of the image's.
    """
    height, width = foreground.shape
    count, parts, stats, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    boxes, masks = [], []
    for part in range(1, count):
        left, top, wide, tall, area = (int(value) for value in stats[part])
        if area < min_area_share * height * width or area < 0.25 * wide * tall:
            continue
        boxes.append([left, top, left + wide, top + tall])
        masks.append(parts == part)
    if not boxes:
        return Detections.none()
    return Detections.of(np.array(boxes, np.float32), np.full(len(boxes), SCORE, np.float32), masks=np.stack(masks))


def _smooth(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8)
