"""Vehicles at several moments, found among crops of one camera."""

import numpy as np
import pytest

from tests.bench.encoder.moments import moment, vehicles_of

DIM = 64


def found(shown: dict[str, int], *, noise: float = 0.05) -> list[list[str]]:
    """Vehicles among crops, each named with the vehicle that it shows."""
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(1 + max(shown.values()), DIM))
    vectors = looks[list(shown.values())] + noise * rng.normal(size=(len(shown), DIM))
    return vehicles_of(np.array(list(shown)), vectors.astype(np.float32))


def test_who_is_seen_again_soon_is_one_vehicle() -> None:
    road = {"road/a_mp4-1_0.jpg": 0, "road/a_mp4-1_1.jpg": 1, "road/a_mp4-2_3.jpg": 1, "road/a_mp4-4_0.jpg": 1}
    assert found(road) == [["road/a_mp4-1_1.jpg", "road/a_mp4-2_3.jpg", "road/a_mp4-4_0.jpg"]]


@pytest.mark.parametrize(
    "shown",
    {
        "another camera": {"road/a_mp4-1_0.jpg": 0, "road/b_mp4-2_0.jpg": 0},
        "another type, which is counted by itself": {"cctv/car1.jpg": 0, "cctv/bike2.jpg": 0},
        "long after": {"cctv/car1.jpg": 0, "cctv/car9.jpg": 0},
        "at the same moment": {"road/a_mp4-1_0.jpg": 0, "road/a_mp4-1_1.jpg": 0},
        "others that look the same": {"cctv/car1.jpg": 0, "cctv/car2.jpg": 1},
        "no more alike than one long after": {"cctv/car1.jpg": 0, "cctv/car2.jpg": 0, "cctv/car50.jpg": 0},
    }.values(),
    ids=str,
)
def test_who_may_be_another(shown: dict[str, int]) -> None:
    assert found(shown, noise=0.0) == []


def test_a_crop_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'else\.jpg' is named like no crop"):
        moment("else.jpg")
