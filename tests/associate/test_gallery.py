"""Galleries: one contract, two implementations."""

import numpy as np
import pytest

from associate.gallery import ExactGallery, FaissGallery, Gallery, make_gallery
from tests.embed.samples import unit


@pytest.fixture(params=["exact", "faiss"])
def gallery(request: pytest.FixtureRequest) -> Gallery:
    return make_gallery(request.param)


def test_the_nearest_come_first(gallery: Gallery) -> None:
    assert gallery.nearest(unit(1)[None], 3) == [[]]
    for number in range(100):
        gallery.put(f"k{number}", unit(number))
    (found,) = gallery.nearest(unit(42)[None], 5)
    assert found[0][0] == "k42"
    assert found[0][1] == pytest.approx(1.0)
    assert [similarity for _, similarity in found] == sorted((s for _, s in found), reverse=True)
    assert len(found) == 5
    gallery.drop("k42")
    gallery.drop("not there")
    assert "k42" not in [key for key, _ in gallery.nearest(unit(42)[None], 99)[0]]
    gallery.put("k1", unit(42))
    assert gallery.nearest(unit(42)[None], 1)[0][0][0] == "k1"
    assert len(gallery) == 99


def test_faiss_and_exact_agree() -> None:
    exact, faiss = ExactGallery(), FaissGallery()
    rng = np.random.default_rng(5)
    for number in rng.permutation(300):
        for each in (exact, faiss):
            each.put(f"k{number}", unit(int(number)))
            if number % 3 == 0:
                each.drop(f"k{number // 2}")
    queries = np.stack([unit(1000 + number) for number in range(20)])
    for left, right in zip(exact.nearest(queries, 10), faiss.nearest(queries, 10), strict=True):
        assert [key for key, _ in left] == [key for key, _ in right]
        assert np.allclose([s for _, s in left], [s for _, s in right], atol=1e-5)


def test_equal_ones_come_by_name(gallery: Gallery) -> None:
    for key in ("c", "a", "b"):
        gallery.put(key, unit(1))
    assert [key for key, _ in gallery.nearest(unit(1)[None], 2)[0]] == ["a", "b"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gallery_refuses_what_would_be_near_to_everything(value: float) -> None:
    vector = unit(1)
    vector[3] = value
    gallery = ExactGallery()
    with pytest.raises(ValueError, match="'x'"):
        gallery.put("x", vector)
    assert len(gallery) == 0
