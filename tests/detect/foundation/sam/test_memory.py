"""Memory: where it is short, boxes go in smaller batches; where there is none, that is said."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

import torch
from segment_anything import SamPredictor

from ingest.errors import TooLargeError
from tests.detect.foundation.sam.images import BOXES, noise_image
from tests.detect.foundation.sam.networks import make

pytestmark = pytest.mark.torch


def short_of_memory(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """SAM's decoder has room for that many boxes; returns how many were asked for, call by call."""
    asked: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        asked.append(len(named["boxes"]))
        if asked[-1] > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    return asked


def test_short_of_memory_boxes_go_in_smaller_batches_which_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image = noise_image(90, 120)
    boxes = np.tile(BOXES, (5, 1))
    expected = make(tmp_path).masks(image, boxes)
    asked = short_of_memory(monkeypatch, room=3)
    masker = make(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert (masker.masks(image, boxes) == expected).all()
        del asked[:]
        assert (masker.masks(image, boxes) == expected).all()
    assert asked == [2] * 10
    assert len(caplog.messages) == 1
    assert "short of memory" in caplog.messages[0]


def test_no_memory_for_one_box_or_one_image_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masker = make(tmp_path)
    short_of_memory(monkeypatch, room=0)
    with pytest.raises(TooLargeError, match="SAM small finds too little free memory on cpu for one box"):
        masker.masks(noise_image(90, 120), BOXES)

    def encode(*given: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SamPredictor, "set_image", encode)
    with pytest.raises(TooLargeError, match="for one image"):
        masker.masks(noise_image(90, 120), BOXES)
