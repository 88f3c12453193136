"""A look is another camera's image of the same crop: of its form, the same every time, never a negative."""

import numpy as np
import pytest

from training.batches.looks import SIDES_PX, random_levels, random_look, taken_down


def crop(seed: int, height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_look_follows_from_the_generator_alone() -> None:
    one, two, other = (random_look(crop(0), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(12))
def test_a_look_is_an_image_of_the_same_shape_or_smaller(seed: int) -> None:
    seen = random_look(crop(seed), np.random.default_rng(seed))
    assert seen.dtype == np.uint8
    assert seen.ndim == 3
    assert SIDES_PX[0] - 1 <= max(seen.shape[:2]) <= 120
    assert seen.shape[1] / seen.shape[0] == pytest.approx(120 / 90, rel=0.06), "the prior still fits"


@pytest.mark.parametrize("seed", range(20))
def test_a_brighter_pixel_never_becomes_darker_than_a_darker_one(seed: int) -> None:
    levels = random_levels(np.random.default_rng(seed))
    assert levels.shape == (1, 256, 3)
    assert (np.diff(levels[0].astype(int), axis=0) >= 0).all()


def test_looks_differ_in_their_white_balance() -> None:
    mids = np.array([random_levels(np.random.default_rng(seed))[0, 128] for seed in range(40)], float)
    ratios = np.log((mids[:, 2] + 1) / (mids[:, 0] + 1))
    assert ratios.std() > 0.1


def test_a_small_crop_stays_as_it_is() -> None:
    assert taken_down(crop(0, 20, 30), 40.0).shape == (20, 30, 3)
    assert taken_down(crop(0, 20, 300), 30.0).shape == (2, 30, 3)
    assert taken_down(crop(0, 1, 300), 30.0).shape == (1, 30, 3)
