"""Drawn rectangles that move over noise, and who sees them: footage from which a student learns in seconds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from detect.boxes import areas
from detect.detections import Detections
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.frame import Frame, Image
from ingest.video import VideoWriter
from training.distil.footage import RecordingTarget, record, recorded_frames
from training.distil.labels import LabelledFrame, TeacherDetector, label

SIZE = (160, 96)
CAR_BGR, TRUCK_BGR = (40, 40, 220), (220, 160, 40)
SURE = 0.5


def picture(index: int, rng: np.random.Generator) -> Image:
    """A red car that goes to the right and a blue truck that comes back, over noise that is never the same."""
    width, height = SIZE
    image = rng.integers(60, 130, (height, width, 3), np.uint8)
    left = (3 * index) % (width + 30) - 30
    cv2.rectangle(image, (left, 20), (left + 25, 34), CAR_BGR, -1)
    right = width - (5 * index) % (width + 50)
    cv2.rectangle(image, (right, 54), (right + 45, 79), TRUCK_BGR, -1)
    return image


def write_traffic(path: Path, frames: int = 120, frames_per_s: int = 8) -> Path:
    """A clip of it."""
    rng = np.random.default_rng(0)
    writer = VideoWriter(path, SIZE, frames_per_s)
    for index in range(frames):
        writer.write(picture(index, rng))
    writer.close()
    return path


def see(frame: Frame) -> Detections:
    """What is red is a car, what is blue a truck; one of which little is to be seen is unsure."""
    boxes, labels = [], []
    for colour, name in ((CAR_BGR, "car"), (TRUCK_BGR, "truck")):
        near = np.abs(frame.image.astype(np.int16) - np.array(colour)).max(axis=2) < 60
        smooth = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        if smooth.any():
            x, y, wide, high = cv2.boundingRect(smooth)
            boxes.append([x, y, x + wide, y + high])
            labels.append(name)
    if not boxes:
        return Detections.none()
    found = Detections.of(np.array(boxes, np.float32), labels=tuple(labels))
    scores = np.where(areas(found.boxes) > 60, 0.9, 0.3).astype(np.float32)
    return Detections.of(found.boxes, scores, found.labels)


class Seeing:
    """The teacher as a batch detector, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        assert len({frame.camera_id for frame in frames}) == len(frames), "at most one of each camera"
        self.asked += len(frames)
        return [see(frame) for frame in frames]


def teacher() -> TeacherDetector:
    """Who sees them all."""
    return TeacherDetector("drawn", Seeing(), SURE)


def camera(clip: Path, name: str = "drawn") -> Camera:
    """A clip as a camera."""
    return Camera(id=name, source=str(clip))


def silent(*told: object) -> None:
    """Nobody listens."""


def never() -> bool:
    """Nobody stops it."""
    return False


def after(times: int) -> Callable[[], bool]:
    """Stops when it has been asked so often."""
    asked = iter(range(times))
    return lambda: next(asked, None) is None


def labelled(clip: Path, folder: Path) -> list[LabelledFrame]:
    """All frames of a clip with what the teacher sees."""
    record([camera(clip)], folder, RecordingTarget(8.0, 1000), SystemClock(), silent, silent, never)
    found = label(recorded_frames(folder, "drawn"), teacher(), folder / "labels.jsonl", silent, never)
    assert found is not None
    return found
