"""Boxes go with what moves inside them."""

import numpy as np
import pytest

from detect.boxes import iou
from detect.key_frames.median_flow import propagate_boxes, to_grayscale
from tests.detect.key_frames.budget_scene import HEIGHT, WIDTH, as_boxes, street_image, texture

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
    result = propagate_boxes(
        to_grayscale(street_image([BOX])), to_grayscale(street_image([after])), as_boxes([BOX]), STILL, SIZE
    )
    assert result.reliable.tolist() == [True]
    assert iou(result.boxes, as_boxes([after]))[0, 0] > 0.8, name


def test_each_box_goes_its_own_way() -> None:
    before = [(20, 20, 60, 50), (200, 100, 260, 150)]
    after = [(32, 20, 72, 50), (188, 92, 248, 142)]
    result = propagate_boxes(
        to_grayscale(street_image(before)),
        to_grayscale(street_image(after)),
        as_boxes(before),
        np.zeros((2, 2), np.float32),
        SIZE,
    )
    assert (np.diag(iou(result.boxes, as_boxes(after))) > 0.8).all()
    alone = [
        propagate_boxes(
            to_grayscale(street_image(before)), to_grayscale(street_image(after)), as_boxes([box]), STILL, SIZE
        ).boxes[0]
        for box in before
    ]
    np.testing.assert_allclose(result.boxes, np.stack(alone), atol=1e-3)


def test_a_box_that_cannot_be_followed_goes_on_as_before_and_says_so() -> None:
    displacement_px = np.array([[6.0, -2.0]], np.float32)
    before, after = to_grayscale(texture(1, WIDTH, HEIGHT)), to_grayscale(texture(2, WIDTH, HEIGHT))
    result = propagate_boxes(before, after, as_boxes([BOX]), displacement_px, SIZE)
    assert result.reliable.tolist() == [False]
    np.testing.assert_allclose(result.boxes[0], np.add(BOX, (6, -2, 6, -2)))


def test_a_box_goes_on_beyond_the_frame() -> None:
    before, after = (280, 60, 318, 90), (295, 60, 333, 90)
    displacement_px = np.array([[15, 0]], np.float32)
    result = propagate_boxes(
        to_grayscale(street_image([before])),
        to_grayscale(street_image([after])),
        as_boxes([before]),
        displacement_px,
        SIZE,
    )
    np.testing.assert_allclose(result.boxes[0], after, atol=3)


def test_a_large_image_is_followed_in_a_smaller_one() -> None:
    before, after = street_image([BOX]), street_image([(130, 66, 180, 106)])
    large = [street_image.repeat(6, axis=0).repeat(6, axis=1) for street_image in (before, after)]
    result = propagate_boxes(
        to_grayscale(large[0]), to_grayscale(large[1]), as_boxes([BOX]) * 6, STILL, (6 * WIDTH, 6 * HEIGHT)
    )
    assert iou(np.asarray(result.boxes / 6, np.float32), as_boxes([(130, 66, 180, 106)]))[0, 0] > 0.9


@pytest.mark.parametrize(
    ("size", "shrunk"), [((1920, 1080), (270, 480)), ((480, 270), (270, 480)), ((320, 192), (192, 320))]
)
def test_only_a_wide_image_is_shrunk(size: tuple[int, int], shrunk: tuple[int, int]) -> None:
    assert to_grayscale(np.zeros((size[1], size[0], 3), np.uint8)).shape == shrunk


def test_no_box_is_no_work() -> None:
    result = propagate_boxes(
        to_grayscale(street_image([])), to_grayscale(street_image([])), as_boxes([]), np.zeros((0, 2), np.float32), SIZE
    )
    assert result.boxes.shape == (0, 4)
    assert result.reliable.shape == (0,)
