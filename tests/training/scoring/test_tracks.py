"""What is compared and what is left out."""

import numpy as np
import pytest

from tests.training.scoring.scenes import camera, rows
from training.scoring.tracks import CameraTracks, TrackedBoxes


def test_only_scored_frames_are_compared() -> None:
    boxes = TrackedBoxes.of(rows(1, range(1, 11)))
    pair = CameraTracks.of("a", np.array([2, 5]), np.array([0.1, 0.4]), boxes, boxes)
    assert pair.truth.frames.tolist() == pair.run.frames.tolist() == [2, 5]
    assert pair.time_s(5) == 0.4
    assert [(true_at.tolist(), run_at.tolist()) for true_at, run_at, _ in pair.pairs()] == [([0], [0]), ([1], [1])]


@pytest.mark.parametrize(
    ("run_left", "run_width", "kept"),
    [
        (300, 100, False),  # on the ignored vehicle
        (340, 100, False),  # 60 of its 100 pixels in it
        (360, 100, True),  # 40 of 100
        (310, 20, False),  # small, wholly inside: an ignored box may be a region
        (0, 100, True),  # on the vehicle that counts
        (700, 100, True),  # on nothing: wrong, not excused
    ],
)
def test_boxes_in_what_is_ignored_are_excused(run_left: float, run_width: float, kept: bool) -> None:
    run = rows(5, [1], left=run_left, width=run_width)
    pair = camera(rows(1, [1]), run, ignored=rows(2, [1], left=300), frames=1)
    assert len(pair.run) == int(kept)


def test_a_true_vehicle_within_an_ignored_region_still_counts() -> None:
    region = rows(9, [1], left=-500, width=2000)
    pair = camera(rows(1, [1]), rows(5, [1], left=10) + rows(6, [1], left=600), ignored=region, frames=1)
    assert pair.run.ids.tolist() == [5]


def test_ignoring_is_by_frame() -> None:
    pair = camera([], rows(5, [1, 2], left=300), ignored=rows(2, [1], left=300), frames=2)
    assert pair.run.frames.tolist() == [2]


def test_columns_of_one_length() -> None:
    with pytest.raises(ValueError, match="columns of different length"):
        TrackedBoxes(np.array([1, 2]), np.array([1]), np.zeros((2, 4), np.float32))


def test_ids_and_frames_beyond_53_bits_stay_apart() -> None:
    rows = [(1, 2**60, 0.0, 0.0, 9.0, 9.0), (1, 2**60 + 1, 0.0, 0.0, 9.0, 9.0)]
    assert TrackedBoxes.of(rows).ids.tolist() == [2**60, 2**60 + 1]


@pytest.mark.parametrize("side", [np.nan, np.inf])
def test_boxes_are_finite(side: float) -> None:
    with pytest.raises(ValueError, match="1 boxes are not finite"):
        TrackedBoxes.of([(1, 1, 0.0, 0.0, 9.0, 9.0), (2, 1, 0.0, 0.0, side, 9.0)])


@pytest.mark.parametrize("frames", [[3, 2], [2, 2]])
def test_frames_rise(frames: list[int]) -> None:
    none = TrackedBoxes.of([])
    with pytest.raises(ValueError, match="not rising"):
        CameraTracks.of("a", np.array(frames), np.zeros(2), none, none)
