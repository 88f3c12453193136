"""What a student is shown and is to say: pictures and boxes move together, unsure ones are passed over."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from detect.detections import Boxes  # noqa: E402 - torch first
from training.distil.network import STRIDE  # noqa: E402
from training.distil.targets import boxes_of, giou, losses, make_target  # noqa: E402
from training.distil.views import View  # noqa: E402

FRAME, SIZE = (200, 100), (160, 96)
NONE = np.zeros((0, 4), np.float32)


def box(*sides: float) -> Boxes:
    return np.array([sides], np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_the_picture_and_its_boxes_move_together(seed: int) -> None:
    image = np.zeros((FRAME[1], FRAME[0], 3), np.uint8)
    vehicle = box(80, 40, 120, 70)
    image[40:70, 80:120] = 255
    view = View.drawn(FRAME, SIZE, np.random.default_rng(seed))
    picture = View(view.matrix).image(image, SIZE)
    moved, seen = view.boxes(vehicle, SIZE)
    assert seen.all()
    rows, columns = np.nonzero((picture > 127).all(axis=2))
    lit = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.allclose(moved[0], lit, atol=1.01)


def test_a_plain_view_is_the_frame_stretched() -> None:
    image = np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8)
    assert np.array_equal(View.plain((160, 96), SIZE).image(image, SIZE), image)
    assert np.allclose(View.plain(FRAME, SIZE).boxes(box(50, 50, 100, 100), SIZE)[0], [[40, 48, 80, 96]])


def test_views_of_one_seed_are_the_same_and_some_are_mirrored() -> None:
    drawn = [View.drawn(FRAME, SIZE, np.random.default_rng(seed)).matrix for seed in range(20)]
    again = [View.drawn(FRAME, SIZE, np.random.default_rng(seed)).matrix for seed in range(20)]
    assert np.array_equal(drawn, again)
    assert 4 < sum(matrix[0, 0] < 0 for matrix in drawn) < 16


def test_a_vehicle_that_is_moved_out_is_none() -> None:
    shifted = View(np.array([[1, 0, 100], [0, 1, 0]], np.float32))
    _, seen = shifted.boxes(np.vstack([box(0, 0, 40, 40), box(50, 0, 90, 40), box(90, 0, 130, 40)]), SIZE)
    assert seen.tolist() == [True, False, False]


def test_a_target_has_its_peak_in_the_middle_of_the_box() -> None:
    target = make_target(box(40, 20, 80, 52), [1], NONE, 2, SIZE)
    assert target.heat[0].max() == 0
    assert np.argwhere(target.heat[1] == 1).tolist() == [[36 // STRIDE, 60 // STRIDE]]
    assert np.allclose(target.weight.sum(), 1)
    assert np.allclose(target.boxes[:, target.weight > 0].T, [40, 20, 80, 52])


def test_of_two_boxes_over_each_other_the_small_one_keeps_its_cells() -> None:
    boxes = np.vstack([box(60, 30, 84, 48), box(10, 5, 150, 90)])
    target = make_target(boxes, [0, 0], NONE, 1, SIZE)
    assert np.allclose(target.boxes[:, 39 // STRIDE, 72 // STRIDE], boxes[0])


def test_where_the_teacher_is_unsure_nothing_is_learned_unless_it_is_sure_of_another_vehicle_there() -> None:
    unsure = box(40, 20, 80, 52)
    target = make_target(NONE, [], unsure, 1, SIZE)
    assert (target.known[5:13, 10:20] == 0).all()
    assert target.known.sum() == target.known.size - 8 * 10
    within = make_target(box(50, 30, 70, 42), [0], unsure, 1, SIZE)
    assert (within.known[within.heat[0] > 0.5] == 1).all()
    logits = torch.full((1, 1, *target.known.shape), -4.0)
    loud = logits.clone()
    loud[0, 0, 8, 15] = 4.0
    sides = torch.ones(1, 4, *target.known.shape)
    columns = [torch.from_numpy(each)[None] for each in (target.heat, target.known, target.boxes, target.weight)]
    assert torch.equal(losses(loud, sides, *columns), losses(logits, sides, *columns))
    columns[1] = torch.ones_like(columns[1])
    assert losses(loud, sides, *columns)[0] > losses(logits, sides, *columns)[0] + 1


def test_a_student_that_says_the_target_has_next_to_no_loss() -> None:
    target = make_target(box(40, 20, 80, 52), [0], NONE, 1, SIZE)
    columns = [torch.from_numpy(each)[None] for each in (target.heat, target.known, target.boxes, target.weight)]
    middles = boxes_of(torch.zeros(1, 4, *target.known.shape))
    right = torch.cat([middles[:, :2] - columns[2][:, :2], columns[2][:, 2:] - middles[:, 2:]], 1)
    said = torch.logit(columns[0].clamp(1e-4, 1 - 1e-4))
    assert losses(said, right, *columns).max() < 0.25
    assert losses(said, right + 20, *columns)[1] > 1


def test_giou_of_boxes_that_are_known() -> None:
    one = torch.tensor([0.0, 0.0, 10.0, 10.0]).view(1, 4, 1, 1)
    cases = {(0, 0, 10, 10): 1.0, (0, 0, 10, 5): 0.5, (10, 0, 20, 10): 0.0, (30, 0, 40, 10): -0.5}
    for sides, expected in cases.items():
        other = torch.tensor([float(side) for side in sides]).view(1, 4, 1, 1)
        assert float(giou(one, other)) == pytest.approx(expected)
