"""What the library says: the masks are those of its own predictor, for many boxes as for one."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

import torch
from segment_anything import SamPredictor
from torch import Tensor

from detect.accelerator import Precision
from detect.foundation import sam
from detect.masks import BoxMasker, Masker
from tests.detect.foundation.sam.images import BOXES, noise_image
from tests.detect.foundation.sam.networks import make, small

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("shape", [(90, 120), (120, 121), (700, 400)])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.0), ("auto", 0.02)])
def test_masks_are_those_of_the_library_s_predictor(
    tmp_path: Path, shape: tuple[int, int], precision: Precision, tolerance: float
) -> None:
    image = noise_image(*shape)
    masker = make(tmp_path, precision=precision)
    network = small().eval()
    network.load_state_dict(torch.load(tmp_path / "small.pth"))
    predictor = SamPredictor(network)
    predictor.set_image(np.ascontiguousarray(image[..., ::-1]), "RGB")
    inside = np.stack([BoxMasker()(image, box) for box in BOXES])
    theirs = np.concatenate([predictor.predict(box=box, multimask_output=False)[0] for box in BOXES])
    expected = theirs & inside
    assert 0.1 < expected.sum() / inside.sum() < 0.9, "masks of all or nothing would prove little"
    assert (masker.masks(image, BOXES) != expected).sum() <= tolerance * inside.sum()


def test_boxes_together_are_as_each_alone_in_any_order(tmp_path: Path) -> None:
    image = noise_image(90, 120)
    masker: Masker = make(tmp_path)
    together = make(tmp_path).masks(image, BOXES)
    assert together.dtype == np.bool_
    assert together.shape == (4, 90, 120)
    for box, mask in zip(BOXES, together, strict=True):
        assert (masker(image, box) == mask).all()
    assert (make(tmp_path).masks(image, BOXES[::-1]) == together[::-1]).all()


def test_an_image_is_encoded_once_for_all_its_boxes_and_not_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, ...]] = []
    real = SamPredictor.set_image

    def set_image(self: SamPredictor, image: np.ndarray, image_format: str) -> None:
        encoded.append(image.shape)
        real(self, image, image_format)

    monkeypatch.setattr(SamPredictor, "set_image", set_image)
    monkeypatch.setattr(sam, "BOXES_AT_ONCE", 3)
    masker = make(tmp_path)
    masker.masks(noise_image(90, 120), BOXES)
    assert encoded == [(90, 120, 3)]
    assert masker.masks(noise_image(90, 120), BOXES[:0]).shape == (0, 90, 120)
    assert len(encoded) == 1


def test_an_encoder_that_overflows_goes_on_in_float32_which_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def overflow(_: object, __: object, features: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            features = features.clone()
            features[..., 3, 5] = float("nan")
        return features

    image = noise_image(90, 120)
    expected = make(tmp_path, precision="fp32").masks(image, BOXES)
    monkeypatch.setattr(sam, "autocast_type", lambda *_: torch.bfloat16)
    masker = make(tmp_path)
    with masker._predictor.model.image_encoder.register_forward_hook(overflow):
        assert (masker.masks(image, BOXES) == expected).all()
        assert (masker.masks(image, BOXES) == expected).all()
    assert caplog.messages == ["SAM small leaves the range of torch.bfloat16 with these weights; float32 from now on"]
