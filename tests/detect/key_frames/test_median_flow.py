"""Boxes go with what moves inside them."""

import numpy as np
import pytest

from detect.boxes import iou
from detect.key_frames.median_flow import carry, grey
from tests.detect.key_frames.budget_scene import HEIGHT, WIDTH, as_boxes, picture, texture

SIZE = (WIDTH, HEIGHT)
STILL = np.zeros((1, 2), np.float32)
BOX = (120.0, 60.0, 170.0, 100.0)


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("stands", BOX),
        ("a pixel to the right", (121, 60, 171, 100)),
        ("further than it is wide", (175, 60, 225, 100)),
        ("up and to the left", (100, 45, 150, 85)),
        ("nearer", (118, 62, 176, 108)),
        ("further away", (124, 56, 168, 92)),
    ],
)
def test_a_box_goes_with_its_vehicle(name: str, after: tuple[float, ...]) -> None:
    carried = carry(grey(picture([BOX])), grey(picture([after])), as_boxes([BOX]), STILL, SIZE)
    assert carried.sure.tolist() == [True]
    assert iou(carried.boxes, as_boxes([after]))[0, 0] > 0.8, name


def test_each_box_goes_its_own_way() -> None:
    before = [(20, 20, 60, 50), (200, 100, 260, 150)]
    after = [(32, 20, 72, 50), (188, 92, 248, 142)]
    carried = carry(grey(picture(before)), grey(picture(after)), as_boxes(before), np.zeros((2, 2), np.float32), SIZE)
    assert (np.diag(iou(carried.boxes, as_boxes(after))) > 0.8).all()
    alone = [
        carry(grey(picture(before)), grey(picture(after)), as_boxes([box]), STILL, SIZE).boxes[0] for box in before
    ]
    np.testing.assert_allclose(carried.boxes, np.stack(alone), atol=1e-3)


def test_a_box_that_cannot_be_followed_goes_on_as_before_and_says_so() -> None:
    moved = np.array([[6.0, -2.0]], np.float32)
    before, after = grey(texture(1, WIDTH, HEIGHT)), grey(texture(2, WIDTH, HEIGHT))
    carried = carry(before, after, as_boxes([BOX]), moved, SIZE)
    assert carried.sure.tolist() == [False]
    np.testing.assert_allclose(carried.boxes[0], np.add(BOX, (6, -2, 6, -2)))


def test_a_box_goes_on_beyond_the_picture() -> None:
    before, after = (280, 60, 318, 90), (295, 60, 333, 90)
    moved = np.array([[15, 0]], np.float32)
    carried = carry(grey(picture([before])), grey(picture([after])), as_boxes([before]), moved, SIZE)
    np.testing.assert_allclose(carried.boxes[0], after, atol=3)


def test_a_large_picture_is_followed_in_a_smaller_one() -> None:
    before, after = picture([BOX]), picture([(130, 66, 180, 106)])
    large = [image.repeat(6, axis=0).repeat(6, axis=1) for image in (before, after)]
    carried = carry(grey(large[0]), grey(large[1]), as_boxes([BOX]) * 6, STILL, (6 * WIDTH, 6 * HEIGHT))
    assert iou(np.asarray(carried.boxes / 6, np.float32), as_boxes([(130, 66, 180, 106)]))[0, 0] > 0.9


def test_no_box_is_no_work() -> None:
    carried = carry(grey(picture([])), grey(picture([])), as_boxes([]), np.zeros((0, 2), np.float32), SIZE)
    assert carried.boxes.shape == (0, 4)
    assert carried.sure.shape == (0,)
