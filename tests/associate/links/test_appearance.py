"""Appearance: vectors relative to their camera's mean, and the ratio of two Gaussians."""

import numpy as np
import pytest

from associate.links.appearance import STRONGEST, Calibration, Looks

DEFAULT = Calibration()


def of_camera(number: int, camera: int, rng: np.random.Generator) -> np.ndarray:
    """A vehicle's vector as a camera with a look of its own gives it."""
    own = np.random.default_rng(number).normal(size=64)
    look = np.random.default_rng(1000 + camera).normal(size=64) * 1.5
    vector = own + look + 0.2 * rng.normal(size=64)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_the_look_of_a_camera_is_taken_off() -> None:
    """Two vehicles in one camera are more alike than one in two, until the cameras' means are known."""
    rng, looks = np.random.default_rng(0), Looks()
    for number in range(100):
        for camera in (0, 1):
            looks.add(of_camera(number, camera, rng), "e", camera, nearing=False)

    def cosine(one: tuple[int, int], other: tuple[int, int], *, centred: bool) -> float:
        vectors = [of_camera(*each, rng) for each in (one, other)]
        if centred:
            vectors = [
                looks.centred(vector, "e", camera, nearing=False)
                for vector, (_, camera) in zip(vectors, (one, other), strict=True)
            ]
        return float(vectors[0] @ vectors[1])

    same, others = ((201, 0), (201, 1)), ((201, 0), (202, 0))
    assert cosine(*same, centred=False) < cosine(*others, centred=False)
    assert cosine(*same, centred=True) > 0.7
    assert abs(cosine(*others, centred=True)) < 0.4


def test_the_first_vector_stays_as_it_is() -> None:
    vector = of_camera(1, 0, np.random.default_rng(0))
    assert Looks().centred(vector, "e", 0, nearing=True).tolist() == vector.tolist()


def test_a_vector_that_is_the_mean_has_a_direction_all_the_same() -> None:
    vector, looks = of_camera(1, 0, np.random.default_rng(0)), Looks()
    for _ in range(50):
        looks.add(vector, "e", 0, nearing=True)
    assert np.linalg.norm(looks.centred(vector, "e", 0, nearing=True)) == pytest.approx(1.0)


def test_encoders_have_means_of_their_own() -> None:
    vector, looks = of_camera(1, 0, np.random.default_rng(0)), Looks()
    looks.add(vector, "one", 0, nearing=True)
    assert looks.centred(vector, "two", 0, nearing=True).tolist() == vector.tolist()


def test_the_ratio_rises_with_the_similarity_and_is_bounded() -> None:
    ratios = DEFAULT.ratio(np.linspace(-1, 1, 201))
    assert (np.diff(ratios) >= 0).all()
    assert ratios[0] < -2
    assert 2 < ratios[-1] <= STRONGEST
    assert DEFAULT.ratio(np.array([DEFAULT.same, DEFAULT.others])) == pytest.approx([2.9, -2.4], abs=0.1)


def test_crops_that_are_astray_veto_nothing() -> None:
    assert DEFAULT.term(np.array([-1.0]))[0] > -3


def test_it_learns_from_probable_links() -> None:
    rng = np.random.default_rng(3)
    same, others = rng.normal(0.6, 0.1, 100_000), rng.normal(0.1, 0.1, 4000)
    learned = DEFAULT.fitted(np.concatenate([same, others]), np.repeat([1.0, 0.0], [100_000, 4000]), others)
    assert learned.same == pytest.approx(0.6, abs=0.01)
    assert learned.same_deviation == pytest.approx(0.1, abs=0.01)
    assert learned.others == pytest.approx(0.1, abs=0.01)
    assert learned.others_deviation == pytest.approx(0.1, abs=0.01)


def test_look_alikes_make_high_similarities_say_less() -> None:
    rng = np.random.default_rng(3)
    chance, fleet = rng.normal(0.0, 0.15, 20_000), rng.normal(0.7, 0.1, 600)
    nothing = np.zeros(0)
    plain, among = DEFAULT.fitted(nothing, nothing, chance), DEFAULT.fitted(nothing, nothing, np.append(chance, fleet))
    high = np.array([0.65])
    assert among.ratio(high)[0] < plain.ratio(high)[0] - 1


def test_without_links_the_prior_stays_at_its_distance() -> None:
    others = np.random.default_rng(3).normal(0.2, DEFAULT.others_deviation, 4000)
    learned = DEFAULT.fitted(np.zeros(0), np.zeros(0), others)
    assert learned.same - learned.others == pytest.approx(DEFAULT.same - DEFAULT.others, abs=0.02)
