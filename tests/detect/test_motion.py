"""What moves is found, what stands is not."""

import numpy as np

from detect.boxes import iou
from detect.motion import MotionDetector, blobs
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


def test_the_first_frames_only_teach_the_background() -> None:
    detector = MotionDetector(warmup_frames=3)
    counts = [len(detector(frame(index, still=index < 2))) for index in range(2, 12)]
    assert counts[:3] == [0, 0, 0]


def test_each_blob_has_its_own_mask_and_what_is_thin_or_small_is_none() -> None:
    foreground = np.zeros((100, 200), np.uint8)
    foreground[10:40, 20:60] = foreground[50:90, 120:180] = 255
    foreground[np.arange(40), np.arange(140, 180)] = 255  # a line across a large box
    foreground[70:73, 10:13] = 255
    found = blobs(foreground, 0.001)
    assert found.boxes.tolist() == [[20, 10, 60, 40], [120, 50, 180, 90]]
    assert found.masks is not None
    assert [mask.sum() for mask in found.masks] == [30 * 40, 40 * 60]
