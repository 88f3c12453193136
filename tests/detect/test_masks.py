"""Masks from boxes."""

import cv2
import numpy as np
import pytest

from detect.masks import BoxMasker, EllipseMasker, GrabCutMasker, Masker

MASKERS: list[Masker] = [BoxMasker(), EllipseMasker(), GrabCutMasker()]


def red_ellipse() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    image = rng.normal(110, 12, (120, 200, 3)).clip(0, 255).astype(np.uint8)
    truth = np.zeros((120, 200), np.uint8)
    cv2.ellipse(truth, (100, 60), (70, 35), 0, 0, 360, 1, -1)
    image[truth > 0] = (30, 30, 200)
    return image, truth > 0, np.array([30, 25, 170, 95], np.float32)


def test_an_ellipse_touches_the_box_and_leaves_its_corners() -> None:
    image, truth, box = red_ellipse()
    mask = EllipseMasker()(image, box)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95
    assert mask[60, 31]
    assert not mask[27, 33]


def test_grabcut_finds_the_outline() -> None:
    image, truth, box = red_ellipse()
    mask = GrabCutMasker()(image, box)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


@pytest.mark.parametrize("masker", MASKERS)
def test_a_mask_lies_in_its_box_and_is_the_same_twice(masker: Masker) -> None:
    image, _, box = red_ellipse()
    first, second = masker(image, box), masker(image, box)
    assert (first == second).all()
    outside = first.copy()
    outside[23:97, 28:172] = False
    assert not outside.any()


@pytest.mark.parametrize("masker", MASKERS)
@pytest.mark.parametrize("box", [[0, 0, 200, 120], [-20, -20, 50, 50], [90, 50, 96, 55]])
def test_odd_boxes_give_some_mask(masker: Masker, box: list[float]) -> None:
    image, _, _ = red_ellipse()
    mask = masker(image, np.array(box, np.float32))
    assert mask.shape == image.shape[:2]
    assert mask.any()
