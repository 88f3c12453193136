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


def test_it_is_a_kalman_filter_of_every_coordinate() -> None:
    """Beside the textbook's matrices: deviations are shares of the sides, and sides change a fifth as fast."""
    drawn = [np.array([[7 * step, 50, 40 + 9 * step, 80 + step]], np.float32) for step in range(5)]
    seen = np.array([[20 + 8 * step, 65 + step / 2, 40 + 2 * step, 30 + step] for step in range(5)])
    passed_s, steadiness, motion = 0.25, np.array([1, 1, 0.2, 0.2]), TrackMotion.begin(drawn[0])
    went = np.array([[1, passed_s], [0, 1]])
    state, spread, sides = np.stack([seen[0], np.zeros(4)], 1), np.zeros((4, 2, 2)), np.tile(seen[0, 2:], 2)
    spread[:, 0, 0], spread[:, 1, 1] = (0.1 * sides) ** 2, (1.5 * sides * steadiness) ** 2
    for box_then, at in zip(drawn[1:], seen[1:], strict=True):
        motion.predict(passed_s, SEEN)
        motion.correct(np.array([0]), box_then)
        state, spread = state @ went.T, went @ spread @ went.T
        spread[:, 0, 0] += passed_s * (0.3 * sides) ** 2
        spread[:, 1, 1] += passed_s * (sides * steadiness) ** 2
        sides = np.tile(state[2:, 0], 2)
        gain = spread[:, :, 0] / (spread[:, 0, 0] + (0.05 * sides) ** 2)[:, None]
        state, spread = state + gain * (at - state[:, 0])[:, None], spread - gain[:, :, None] * spread[:, None, 0]
        sides = np.tile(state[2:, 0], 2)
    np.testing.assert_allclose([motion.at[0], motion.speed[0]], state.T, rtol=1e-9)
    variances = [motion.var_at[0], motion.var_both[0], motion.var_speed[0]]
    np.testing.assert_allclose(variances, [spread[:, 0, 0], spread[:, 0, 1], spread[:, 1, 1]], rtol=1e-9)


def test_without_time_nothing_is_less_sure() -> None:
    motion = TrackMotion.begin(box(0))
    motion.speed[:] = 100.0
    motion.predict(0.0, ~SEEN)
    assert (motion.var_at == TrackMotion.begin(box(0)).var_at).all()
    assert (motion.speed == 100.0).all()


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
