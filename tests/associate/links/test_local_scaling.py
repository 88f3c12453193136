"""Local scaling: who has many look-alikes is less alike to each of them."""

from collections.abc import Sized

import numpy as np
import pytest

from associate.links.local_scaling import COHORT, LEAST, NEAREST, local_scaling, neighbourhoods
from associate.links.pairs import similarity
from associate.links.window import Window
from associate.rows import Tracklet
from embed.observation import CameraEpoch
from ingest.clock import NS

COMMON, RARE = np.eye(64)[0], np.eye(64)[1]


def window_of(seen: list[tuple[int, np.ndarray]], *, encoders: tuple[int, ...] = ()) -> Window:
    """Closed tracklets, each with its camera and its looks plus something of its own."""
    rng, window = np.random.default_rng(0), Window()
    for number, (camera, looks) in enumerate(seen):
        own = looks + 0.05 * rng.normal(size=64)
        row = Tracklet(
            number=number,
            id=f"c|1.0|{number}",
            observation=f"c|1.0|{number}|2",
            camera=f"c{camera}",
            epoch=CameraEpoch(1, 0),
            label="car",
            score=0.8,
            encoder="e@1",
            vector=np.asarray(own / np.linalg.norm(own), np.float32).tobytes(),
            enter_ns=number * NS,
            leave_ns=(number + 1) * NS,
            opened_ns=number * NS,
            closed_ns=(number + 1) * NS,
            first=(0.5, 0.5, 0.1, 0.1),
            last=(0.5, 0.5, 0.1, 0.1),
            gate_in=0,
        )
        window.put(row, camera, encoders[number] if encoders else 0, 0)
    return window


def all_cameras(places: Sized) -> np.ndarray:
    return np.ones((len(places), 2), np.bool_)


def measured(window: Window) -> Window:
    every = np.arange(len(window))
    window.set_neighbourhood(every, neighbourhoods(window, every, all_cameras(every)))
    return window


SEEN = [(number % 2, RARE if number < 2 else COMMON) for number in range(2 + 4 * LEAST)]
"""One rare vehicle before two cameras, and many that look alike."""


def test_what_is_common_is_less_alike_than_what_is_rare() -> None:
    window = measured(window_of(SEEN))
    rare, common = local_scaling(window, np.array([0, 2]), np.array([1, 3]))
    assert rare < common - 0.2
    assert abs(common) < 0.02
    plain = np.einsum("pd,pd->p", window.vector[[0, 2]], window.vector[[1, 3]])
    assert similarity(window, np.array([0, 2]), np.array([1, 3])) == pytest.approx(plain - [rare, common])


def test_a_neighbourhood_is_the_mean_of_the_nearest_before_a_camera() -> None:
    window = window_of(SEEN)
    (found,) = neighbourhoods(window, np.array([5]), all_cameras([5]))
    for camera in (0, 1):
        cosines = np.sort(window.vector[window.camera == camera] @ window.vector[5])
        assert found[camera] == pytest.approx(cosines[-round(NEAREST * len(cosines)) :].mean(), abs=1e-6)


def test_only_what_is_asked_for_is_measured() -> None:
    window = window_of(SEEN)
    every = neighbourhoods(window, np.array([5, 6]), all_cameras([5, 6]))
    some = neighbourhoods(window, np.array([5, 6]), np.array([[True, False], [False, True]]))
    assert some[0, 0] == every[0, 0]
    assert some[1, 1] == every[1, 1]
    assert np.isnan(some[[0, 1], [1, 0]]).all()


def test_only_the_latest_of_a_camera_are_asked() -> None:
    window = window_of([(0, RARE)] * 30 + [(0, COMMON)] * COHORT + [(1, RARE)])
    (found,) = neighbourhoods(window, np.array([len(window) - 1]), all_cameras([0]))
    assert abs(found[0]) < 0.3
    assert np.isnan(found[1])


@pytest.mark.parametrize("cameras", [(0, 0), (0, 1)], ids=["within one camera", "a camera that has seen few"])
def test_nothing_is_scaled(cameras: tuple[int, int]) -> None:
    window = measured(window_of([(cameras[0], COMMON)] * (LEAST - 1) + [(cameras[1], COMMON)]))
    assert local_scaling(window, np.array([0]), np.array([len(window) - 1])).tolist() == [0.0]


def test_vectors_of_another_encoder_are_no_neighbours() -> None:
    window = window_of(SEEN, encoders=tuple(int(number >= LEAST) for number in range(len(SEEN))))
    assert np.isnan(neighbourhoods(window, np.array([0]), all_cameras([0]))).all()


def test_it_is_stored_with_the_tracklet() -> None:
    window = window_of([(0, COMMON), (1, RARE)])
    window.set_neighbourhood(np.array([0]), np.array([[0.25, 0.5, 0.75]], np.float32))
    assert window.neighbourhood[0].tolist() == [0.25, 0.5, 0.75]
    assert np.isnan(window.neighbourhood[1]).all()
