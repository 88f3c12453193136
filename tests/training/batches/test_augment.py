"""The picture and its prior go the same way; each step does what it says."""

import msgspec
import numpy as np
import pytest

from training.batches.augment import (
    ERASED_FILL,
    MEAN,
    STD,
    ZOOM_ASPECT,
    cropped,
    drop_priors,
    erased,
    jitter_factors,
    jittered,
    random_part,
    shifted,
    training_view,
)
from training.batches.augment import test_view as plain_view
from training.encoder.recipe import PAPER, Recipe

SIZE_HW = (64, 48)


def recipe(**changes: object) -> Recipe:
    return msgspec.structs.replace(PAPER, **changes)


def marked() -> tuple[np.ndarray, np.ndarray]:
    """A dark picture with a bright rectangle, and a prior that is that rectangle."""
    image = np.zeros((128, 96, 3), np.uint8)
    prior = np.zeros((2, 128, 96), np.uint8)
    image[24:64, 16:40] = 255
    prior[:, 24:64, 16:40] = 1
    return image, prior


@pytest.mark.parametrize("zoom", [0.0, 0.4])
def test_a_prior_goes_where_its_picture_goes(zoom: float) -> None:
    image, prior = marked()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pixels, shown = training_view(image, prior, SIZE_HW, recipe(erase=0.0, prior_dropout=0.0, zoom=zoom), rng)
        assert shown is not None
        assert pixels.shape == (64, 48, 3)
        assert shown.shape == (16, 12, 2)
        bright = (pixels * STD + MEAN).mean(axis=2)
        squares = bright.reshape(16, 4, 12, 4).mean(axis=(1, 3))
        off = np.abs(shown[:, :, 0] - squares)
        assert off.mean() < 0.015
        assert zoom or off.max() < 0.02, "where nothing is enlarged, the edges agree as well"


def test_seeds_decide_alone() -> None:
    image, prior = marked()
    views = [training_view(image, prior, SIZE_HW, PAPER, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(views[0][0], views[1][0])
    assert not np.array_equal(views[0][0], views[2][0])


def test_erasing_spares_the_prior() -> None:
    image, prior = marked()
    rng = np.random.default_rng(0)
    pixels, shown = training_view(image, prior, SIZE_HW, recipe(erase=1.0, pad_px=0, flip=0.0, prior_dropout=0.0), rng)
    share = (pixels == ERASED_FILL).all(axis=2).mean()
    assert 0.02 <= share <= 0.41
    whole = plain_view(image, prior, SIZE_HW)[1]
    assert shown is not None
    assert whole is not None
    assert np.array_equal(shown, whole)


def test_erasing_happens_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    hit = [(erased(np.zeros((32, 32, 3), np.float32), 0.3, rng) != 0).any() for _ in range(500)]
    assert np.mean(hit) == pytest.approx(0.3, abs=0.06)


def test_a_plain_view_is_the_normalised_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
    pixels, prior = plain_view(image, None, SIZE_HW)
    assert prior is None
    expected = (image[:, :, ::-1] / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(pixels, expected, atol=1e-5)


@pytest.mark.parametrize(("shift_yx", "flip"), [((0, 0), False), ((3, -2), False), ((-4, 5), True), ((0, 0), True)])
def test_shifting_is_padding_and_cropping(shift_yx: tuple[int, int], flip: bool) -> None:
    image = np.random.default_rng(0).integers(1, 256, (12, 10, 3), dtype=np.uint8)
    source = image[:, ::-1] if flip else image
    padded = np.pad(source, ((6, 6), (6, 6), (0, 0)))
    down, right = shift_yx
    expected = padded[6 - down : 18 - down, 6 - right : 16 - right]
    assert np.array_equal(shifted(image, flip, np.array(shift_yx)), expected)


def test_jitter_is_around_one_and_absent_by_default() -> None:
    rng = np.random.default_rng(0)
    assert np.array_equal(jitter_factors(PAPER, rng), [1, 1, 1])
    factors = np.array([jitter_factors(recipe(jitter=(0.4, 0.3, 0.0)), rng) for _ in range(300)])
    assert factors.min(axis=0) == pytest.approx([0.6, 0.7, 1.0], abs=0.02)
    assert factors.max(axis=0) == pytest.approx([1.4, 1.3, 1.0], abs=0.02)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1, 1, 1), [200, 100, 100]),
        ((0.5, 1, 1), [100, 50, 50]),
        ((2, 1, 1), [255, 200, 200]),
        ((1, 0, 1), [111, 111, 111]),
        ((1, 1, 0), [111, 111, 111]),
        ((1, 1, 0.5), [156, 106, 106]),
    ],
    ids=["none", "half as bright", "too bright", "no contrast", "no colour", "less colour"],
)
def test_what_each_factor_does(factors: tuple[float, float, float], expected: list[int]) -> None:
    image = np.full((4, 4, 3), (200, 100, 100), np.uint8)  # its grey is .114 * 200 + .886 * 100 = 111.4
    changed = jittered(image, np.array(factors, np.float32))
    assert changed[0, 0].tolist() == pytest.approx(expected, abs=1)


def test_contrast_pulls_towards_the_mean_of_the_picture() -> None:
    image = np.full((4, 4, 3), 50, np.uint8)
    image[:2] = 150
    changed = jittered(image, np.array((1, 0.5, 1), np.float32))
    assert (changed[0, 0, 0], changed[3, 0, 0]) == (125, 75)


def test_hiding_a_prior() -> None:
    prior = np.zeros((8, 8, 2), np.uint8)
    prior[2:6, 2:6, 0] = 1
    prior[3:5, 3:5, 1] = 1
    rng = np.random.default_rng(0)
    seen = {"whole": 0, "box": 0, "ones": 0}
    for _ in range(600):
        shown = drop_priors(prior, 0.4, rng)
        if shown.all():
            seen["ones"] += 1
        elif np.array_equal(shown[:, :, 0], shown[:, :, 1]):
            assert np.array_equal(shown[:, :, 0], prior[:, :, 0])
            seen["box"] += 1
        else:
            assert np.array_equal(shown, prior)
            seen["whole"] += 1
    assert [count / 600 for count in seen.values()] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)


def test_a_part_lies_inside_and_is_as_large_as_the_zoom_says() -> None:
    rng = np.random.default_rng(3)
    parts = np.array([random_part(0.2, rng) for _ in range(500)])
    sides = parts[:, 2:] - parts[:, :2]
    assert (parts >= 0).all()
    assert (parts <= 1 + 1e-6).all()
    assert (sides.max(axis=1) >= 0.8 - 1e-6).all()
    assert (sides.min(axis=1) >= 0.8 / ZOOM_ASPECT - 1e-6).all()
    assert sides.max() > 0.99
    assert (sides[:, 0] / sides[:, 1]).std() > 0.02


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 200), (64, 48)])
def test_some_pixels_are_always_left(size_hw: tuple[int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    for part in ([0, 0, 1, 1], [0.999, 0.999, 1, 1], [0, 0, 0.001, 0.001]):
        assert cropped(image, np.array(part, np.float32)).size
