"""The encoder without weights; the contract holds for every encoder."""

import cv2
import numpy as np
import pytest

from embed.colour import ColourEncoder
from embed.crops import Crop
from embed.encoder import Encoder

ENCODERS: list[Encoder] = [ColourEncoder()]
COLOURS = {"red": (30, 30, 190), "blue": (180, 70, 30), "white": (235, 235, 235), "black": (25, 25, 28)}


def crop(colour: tuple[int, int, int], *, gain: float = 1.0, seed: int = 0, size: tuple[int, int] = (90, 60)) -> Crop:
    """A car-like patch: glass above, paint below, noise and another exposure on top."""
    width, height = size
    image = np.full((height, width, 3), 110, np.uint8)
    cv2.rectangle(image, (10, 8), (width - 10, height - 8), colour, -1)
    cv2.rectangle(image, (20, 10), (width - 20, 24), (60, 52, 48), -1)
    noisy = image * gain + np.random.default_rng(seed).normal(0, 6, image.shape)
    mask = np.zeros((height, width), np.bool_)
    mask[8 : height - 8, 10 : width - 10] = True
    box = np.array([10, 8, width - 10, height - 8], np.float32)
    return Crop(noisy.clip(0, 255).astype(np.uint8), box, 0.8, 0, mask)


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: encoder.id)
def test_contract(encoder: Encoder) -> None:
    crops = [crop(colour, seed=seed) for seed, colour in enumerate(COLOURS.values())]
    rows = encoder(crops)
    assert rows.shape == (4, encoder.dim)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder([each]) for each in crops])
    assert np.allclose(rows, alone, atol=1e-5)
    assert (encoder(crops) == rows).all()
    assert encoder([]).shape == (0, encoder.dim)
    assert "@" in encoder.id


def test_one_vehicle_is_more_like_itself_than_another() -> None:
    encoder = ColourEncoder()
    here = encoder([crop(colour) for colour in COLOURS.values()])
    there = encoder([crop(colour, gain=0.88, seed=9, size=(110, 80)) for colour in COLOURS.values()])
    cosines = here @ there.T
    assert (cosines.argmax(axis=1) == np.arange(4)).all()
    assert np.diag(cosines).min() > 0.8
    assert (cosines - np.eye(4)).max() < 0.8


def test_a_crop_without_a_mask_is_refused() -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="without a mask"):
        ColourEncoder()([replace(crop((1, 2, 3)), mask=None)])


def striped(rows: list[tuple[int, int]]) -> Crop:
    """A white vehicle of 60 x 60 px with red stripes at some rows."""
    image = np.full((60, 60, 3), 235, np.uint8)
    for top, bottom in rows:
        image[top:bottom] = COLOURS["red"]
    return Crop(image, np.array([0, 0, 60, 60], np.float32), 0.8, 0, np.ones((60, 60), np.bool_))


def test_roof_middle_and_bottom_are_told_apart() -> None:
    middle, rim = ColourEncoder()([striped([(20, 40)]), striped([(10, 20), (40, 50)])])
    assert middle @ rim < 0.9


def test_the_place_in_the_crop_does_not_matter() -> None:
    car = crop(COLOURS["blue"])
    assert car.mask is not None
    moved = Crop(
        np.pad(car.image, ((30, 0), (50, 0), (0, 0))),
        car.box_xyxy + np.array([50, 30, 50, 30], np.float32),
        car.quality,
        0,
        np.pad(car.mask, ((30, 0), (50, 0))),
    )
    here, there = ColourEncoder()([car, moved])
    assert here == pytest.approx(there, abs=1e-6)
