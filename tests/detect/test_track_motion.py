"""Constant velocity, in the camera's own time."""

import numpy as np
import pytest

from detect.track_motion import SLOWING_S, TrackMotion

SEEN = np.zeros(1, np.bool_)


def box(x: float) -> np.ndarray:
    return np.array([[x, 50, x + 40, 80]], np.float32)


@pytest.mark.parametrize("interval_s", [0.04, 0.125, 0.3])
def test_a_steady_vehicle_is_predicted_at_any_rate(interval_s: float) -> None:
    motion = TrackMotion.begin(box(0))
    for step in range(1, 40):
        motion.predict(interval_s, SEEN)
        motion.correct(np.array([0]), box(60 * interval_s * step))
    motion.predict(interval_s, SEEN)
    assert motion.boxes[0] == pytest.approx(box(60 * interval_s * 40)[0], abs=1.0)
    assert motion.pace[0] == pytest.approx(60 / 35, rel=0.1)


def test_one_that_is_not_seen_slows_down() -> None:
    motion = TrackMotion.begin(box(0))
    motion.speed[:, 0] = 100.0
    for _ in range(80):
        motion.predict(0.125, ~SEEN)
    assert motion.boxes[0, 0] < 100 * SLOWING_S
    assert abs(motion.speed[0, 0]) < 1


def test_rows_are_kept_and_joined() -> None:
    motion = TrackMotion.none().joined(TrackMotion.begin(np.vstack([box(0), box(100)])))
    assert motion.select(np.array([False, True])).boxes.tolist() == box(100).tolist()
    assert TrackMotion.none().boxes.shape == (0, 4)
