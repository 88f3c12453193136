"""What there may be: boxes without an area or outside, images of any size, and nothing to be seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

from segment_anything import SamPredictor

from detect.foundation import sam
from detect.masks import BoxMasker
from tests.detect.foundation.sam.images import BOXES, noise_image, red_box
from tests.detect.foundation.sam.networks import make

pytestmark = pytest.mark.torch


ODD = {
    "no area": ([40.0, 20, 40, 60], False),
    "a line within a pixel": ([40.2, 20, 40.2, 60], False),
    "inside out": ([60, 60, 40, 20], False),
    "outside": ([200, 20, 260, 60], False),
    "beside": ([-50, 20, 0, 60], False),
    "over the edge": ([100, 50, 180, 160], True),
    "less than a pixel": ([40.2, 20.3, 40.6, 20.7], True),
}


@pytest.mark.parametrize(("box", "asked"), ODD.values(), ids=ODD.keys())
def test_odd_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: list[float], asked: bool) -> None:
    asked_with: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        asked_with.append(len(named["boxes"]))
        assert 0 <= named["boxes"].min() <= named["boxes"].max() <= 1024, "SAM knows no places outside the image"
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    image = noise_image(90, 120)
    masker = make(tmp_path, "seen-box")
    mask = masker(image, np.array(box, np.float32))
    assert (mask == BoxMasker()(image, np.array(box, np.float32))).all()
    assert asked_with == ([1] if asked else [])
    among = masker.masks(image, np.array([BOXES[0], box, BOXES[1]], np.float32))
    assert (among[[0, 2]] == masker.masks(image, BOXES[:2])).all()


def test_where_sam_finds_nothing_the_box_stands_in(tmp_path: Path) -> None:
    image = red_box(300, 400, (37, 60, 201, 222))
    boxes = np.array([[250, 100, 350, 200], [30, 50, 210, 230]], np.float32)
    nothing, vehicle = make(tmp_path, "seen-image").masks(image, boxes)
    assert nothing.sum() == 100 * 100
    assert vehicle.sum() < 170 * 170


def test_boxes_must_be_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finite"):
        make(tmp_path)(noise_image(90, 120), np.array([0, 0, np.nan, 9], np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (10_000, 40), (40, 10_000), (1, 10_000), (2, 2)])
def test_images_of_any_size(tmp_path: Path, shape: tuple[int, int]) -> None:
    box = np.array([0, 0, shape[1], shape[0]], np.float32)
    mask = make(tmp_path, "seen-box")(noise_image(*shape), box)
    assert mask.shape == shape
    assert mask.all()


def test_an_image_of_ten_thousand_pixels_a_side_is_masked_box_by_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sam, "PIXELS_AT_ONCE", 1)
    sizes: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        sizes.append(len(named["boxes"]))
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    image = np.zeros((300, 10_000, 3), np.uint8)
    boxes = np.array([[9000, 20, 9900, 280], [100, 40, 700, 260]], np.float32)
    masks = make(tmp_path, "seen-box").masks(image, boxes)
    assert sizes == [1, 1]
    for box, mask in zip(boxes, masks, strict=True):
        assert (mask == BoxMasker()(image, box)).all()
