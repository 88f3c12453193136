"""Crops of the city that are drawn and encoded some at a time, with what is done told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embed.crops import Crop
from ingest.synthetic.world.presets import find_camera
from training.datasets.city import embedding
from training.datasets.city.detector import NOBODY
from training.datasets.city.embedding import CropSource, Vectors, rendered_vectors


def _embed(crops: Sequence[Crop]) -> Vectors:
    """The mean colour, and how many came together."""
    return np.array([(*crop.image.mean((0, 1)), len(crops)) for crop in crops], np.float32)


def make_embed() -> embedding.Embed:
    return _embed


def test_crops_are_drawn_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("panda3d", reason="extra `city`")
    preset = replace(find_camera("smooth", 0)[0], duration_s=30.0)
    inside, beyond = np.array([100, 100, 180, 160], np.float32), np.array([9000, 9000, 9080, 9060], np.float32)
    sources = [
        CropSource(number % 2, 10 * number, beyond if number in (2, 3, 4) else inside + number, NOBODY)
        for number in range(7)
    ]
    told: list[int] = []
    whole, worths = rendered_vectors(preset, sources, make_embed, 1, told.append)
    assert (told[-1], whole.shape, worths.shape) == (7, (7, 4), (7,))
    lost = [2, 3, 4]
    assert not whole[lost].any()
    assert not worths[lost].any()
    assert (np.delete(whole[:, 3], lost) == 4).all()
    monkeypatch.setattr(embedding, "TOGETHER", 2)
    embedding._render(preset, sources, make_embed, tmp_path / "part.npz", lambda: True)
    with np.load(tmp_path / "part.npz") as stored:
        assert np.array_equal(stored["vectors"][:, :3], whole[:, :3])
        assert np.array_equal(stored["worths"], worths)
        assert set(stored["vectors"][:, 3].tolist()) == {0, 1, 2}
