"""Where things are: masks and boxes lie in the image where SAM saw them in its own."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

from detect.masks import BoxMasker
from tests.detect.foundation.sam.images import noise_image, red_box
from tests.detect.foundation.sam.networks import make

pytestmark = pytest.mark.torch


def grown(box: tuple[int, int, int, int], by: int) -> np.ndarray:
    return np.array(box, np.float32) + np.array([-by, -by, by, by], np.float32)


PLACES = {
    "wide": ((300, 400), (37, 60, 201, 222)),
    "tall": ((400, 300), (120, 310, 180, 390)),
    "square": ((256, 256), (0, 0, 100, 30)),
    "a crop": ((74, 121), (13, 8, 108, 66)),
    "larger than SAM's image": ((1440, 2560), (1700, 900, 2210, 1300)),
}


@pytest.mark.parametrize(("shape", "box"), PLACES.values(), ids=PLACES.keys())
def test_what_is_seen_lies_where_it_is_in_the_image(
    tmp_path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    image = red_box(*shape, box)
    mask = make(tmp_path, "seen-image")(image, grown(box, 20))
    truth = image[..., 2] > 0
    slack = max(1, round(3 * max(shape) / 1024))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    assert np.abs(edges - np.array(box)).max() <= slack
    assert (mask & truth).sum() / (mask | truth).sum() > 0.93


@pytest.mark.parametrize(("shape", "box"), PLACES.values(), ids=PLACES.keys())
def test_the_box_that_sam_is_asked_with_is_the_one_in_the_image(
    tmp_path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    truth = BoxMasker()(np.zeros((*shape, 3), np.uint8), np.array(box, np.float32))
    mask = make(tmp_path, "seen-box")(noise_image(*shape), np.array(box, np.float32))
    assert (mask == truth).all()


def test_a_crop_shows_the_same_vehicle_at_the_same_place(tmp_path: Path) -> None:
    masker = make(tmp_path, "seen-image")
    image = red_box(300, 400, (137, 60, 301, 222))
    whole = masker(image, np.array([120, 40, 320, 240], np.float32))
    crop = masker(image[40:240, 100:340], np.array([20, 0, 220, 200], np.float32))
    assert (crop ^ whole[40:240, 100:340]).sum() < 0.03 * whole.sum()
