"""Fragments of the city's stays are joined as the system joins them."""

import numpy as np

from training.datasets.city.observations import CityCamera, Features, join
from training.datasets.city.tracklets import Tracklet
from training.datasets.city.true_boxes import TrueBoxes

FRAMES = 80
SAME, OTHER = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)


def piece(track: int, first: int, last: int, ended: int) -> Tracklet:
    """A vehicle that moves 4 px a frame, from a frame to a frame."""
    places = list(range(first, last))
    boxes = [np.array([4 * at, 50, 4 * at + 40, 80], np.float32) for at in places]
    return Tracklet(0, track, places, boxes, ["7"] * len(places), [0.5] * len(places), first + 4, ended)


def camera(tracklets: list[Tracklet]) -> CityCamera:
    times = np.arange(FRAMES) * 125_000_000
    none = np.empty(0, np.int64)
    true = TrueBoxes(
        np.arange(FRAMES), times, np.zeros(FRAMES, np.int64), none, none, np.empty((0, 4), np.float32),
        np.empty(0, np.float32), 1,
    )  # fmt: skip
    return CityCamera("a", 0, (640, 360), true, tracklets, [[0] for _ in tracklets])


def features(it: Tracklet, vector: np.ndarray) -> Features:
    return Features(vector[None], np.ones(1, np.float32), np.array(it.frames[:1], np.int64))


def joined(second: Tracklet, vector: np.ndarray) -> tuple[CityCamera, list[Features]]:
    first = piece(1, 0, 20, 50)
    return join(camera([first, second]), [features(first, SAME), features(second, vector)])


def test_two_fragments_become_one_tracklet() -> None:
    one, vectors = joined(piece(2, 26, 40, 60), SAME)
    (it,) = one.tracklets
    assert (it.track, it.opened, it.ended, len(it.frames)) == (1, 4, 60, 34)
    assert one.shots == [[0, 20]]
    assert [it.frames[place] for place in one.shots[0]] == vectors[0].frames.tolist()


def test_others_stay_apart() -> None:
    late, unlike = joined(piece(2, 48, 60, 75), SAME), joined(piece(2, 26, 40, 60), OTHER)
    assert [len(each.tracklets) for each, _ in (late, unlike)] == [2, 2]
