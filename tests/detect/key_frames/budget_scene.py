"""A street known exactly: textured vehicles before a textured ground, and detectors that know them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from detect.detections import Boxes, Detections
from ingest.clock import NS, ManualClock
from ingest.frame import ClockQuality, Frame, Image

WIDTH, HEIGHT = 320, 180
FPS = 8.0


def texture(seed: int, width: int, height: int) -> Image:
    """Soft spots, which optical flow can follow."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (height // 4 + 2, width // 4 + 2, 3), np.uint8)
    return np.asarray(cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def street_image(boxes: Sequence[Sequence[float]], *, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Each vehicle has a texture of its own, by its place in the list; they are cut at the image's edge."""
    image = texture(0, width, height) // 4
    for number, (left, top, right, bottom) in enumerate(boxes, start=1):
        skin = texture(number, 64, 64)
        wide, tall = round(right) - round(left), round(bottom) - round(top)
        patch = cv2.resize(skin, (wide, tall), interpolation=cv2.INTER_AREA)
        x, y = max(0, round(left)), max(0, round(top))
        if x >= width or y >= height:
            continue
        cut = patch[y - round(top) : height - round(top), x - round(left) : width - round(left)]
        image[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    return image


def frame(boxes: Sequence[Sequence[float]], index: int, camera: str = "a", *, at_s: float | None = None) -> Frame:
    captured_ns = round((index / FPS if at_s is None else at_s) * NS)
    return Frame(camera, index, captured_ns, ClockQuality.FILE, street_image(boxes))


def as_boxes(boxes: Sequence[Sequence[float]]) -> Boxes:
    return np.array(boxes, np.float32).reshape(-1, 4)


@dataclass(eq=False)
class Scripted:
    """A batch detector with scripted detections by camera and frame; it takes its time on a clock."""

    truth: dict[tuple[str, int], Detections]
    clock: ManualClock = field(default_factory=ManualClock)
    frame_s: float = 0.0
    calls: list[list[tuple[str, int]]] = field(default_factory=list)

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        seen = [(each.camera_id, each.sequence) for each in frames]
        self.calls.append(seen)
        self.clock.sleep(self.frame_s * len(frames))
        return [self.truth.get(each, Detections.none()) for each in seen]

    @property
    def frames(self) -> list[tuple[str, int]]:
        return [each for call in self.calls for each in call]


class Blind:
    """A detector that sees nothing."""

    def __call__(self, frame: Frame) -> Detections:
        return Detections.none()


@dataclass(eq=False)
class ScriptedSingle:
    """A detector of single frames with scripted detections."""

    truth: dict[tuple[str, int], Detections]

    def __call__(self, frame: Frame) -> Detections:
        return self.truth.get((frame.camera_id, frame.sequence), Detections.none())
