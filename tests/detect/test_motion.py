"""What moves is found, what stands is not."""

import numpy as np

from detect.boxes import iou
from detect.motion import MotionDetector
from ingest.frame import ClockQuality, Frame
from tests.ingest.clips import clip_image


def frame(index: int, camera: str = "a", *, still: bool = False) -> Frame:
    """The road is empty for the first ten frames."""
    image = clip_image(0 if still else index if index >= 10 else None, (320, 192))
    return Frame(camera, index, index * 40_000_000, ClockQuality.FILE, image)


def test_a_moving_square_is_found_where_it_is() -> None:
    detector = MotionDetector()
    for index in range(40):
        found = detector(frame(index))
    assert len(found) == 1
    left = 10 + 2 * 39
    truth = np.array([[left, 30, left + 36, 60]], np.float32)
    assert iou(found.boxes, truth)[0, 0] > 0.6
    assert found.masks is not None
    assert found.masks[0].sum() > 0.5 * 36 * 30


def test_a_still_image_holds_nothing() -> None:
    detector = MotionDetector()
    assert all(len(detector(frame(index, still=True))) == 0 for index in range(20))


def test_cameras_have_backgrounds_of_their_own() -> None:
    detector = MotionDetector()
    for index in range(10):
        detector(frame(index, "a"))
        assert len(detector(frame(index, "b", still=True))) == 0


def test_masks_can_be_left_out() -> None:
    detector = MotionDetector(masks=False)
    for index in range(40):
        found = detector(frame(index))
    assert len(found) == 1
    assert found.masks is None
