"""The virtual gantries: windows, their truth, and the curve through pairs, against values worked out by hand."""

import numpy as np
import pytest

from embed.observation import Message
from ingest.clock import NS
from tests.bench.gantries.calibration import Calibration, area, fit, loss, owners
from tests.bench.gantries.cuts import CUTS, HUMAN, OFFSET_S, PLAIN, Cut, Look, Place, in_window, place
from tests.bench.gantries.drawn import at_offset, drawn_offsets
from tests.embed.samples import tick
from tests.training.scoring.scenes import camera, rows
from training.scoring.tracks import TrackedBoxes

SIZE = (200, 100)
TOP, BOTTOM, LEFT, RIGHT = (0.0, 0.0, 1.0, 0.4), (0.0, 0.5, 1.0, 1.0), (0.0, 0.0, 0.4, 1.0), (0.5, 0.0, 1.0, 1.0)

# The windows, and by how much the upstream and the downstream one are moved so that they meet the picture's edge.
MOVES = {
    "down the picture": (TOP, BOTTOM, (0, 60), (0, -50)),
    "up the picture": (BOTTOM, TOP, (0, -50), (0, 60)),
    "to the right": (LEFT, RIGHT, (120, 0), (-100, 0)),
    "to the left": (RIGHT, LEFT, (-100, 0), (120, 0)),
}


def cut(upstream: tuple[float, float, float, float], downstream: tuple[float, float, float, float]) -> Cut:
    return Cut("clip", "name", upstream, downstream, (0.0, 1.0), 1.0, PLAIN)


@pytest.mark.parametrize("name", MOVES)
def test_vehicles_pass_from_edge_to_edge(name: str) -> None:
    upstream, downstream, up, down = MOVES[name]
    passage = cut(upstream, downstream)
    assert (place(passage, "up", SIZE).moved, place(passage, "down", SIZE).moved) == (up, down)


@pytest.mark.parametrize("each", CUTS, ids=lambda each: each.id)
def test_windows_share_nothing_and_stay_in_the_picture(each: Cut) -> None:
    size = (960, 540)
    up, down = place(each, "up", size), place(each, "down", size)
    assert up.right <= down.left or down.right <= up.left or up.bottom <= down.top or down.bottom <= up.top
    for at in (up, down):
        left, top = at.left + at.moved[0], at.top + at.moved[1]
        assert left >= 0 <= top
        assert left + at.right - at.left <= size[0]
        assert top + at.bottom - at.top <= size[1]


def test_every_cut_has_a_name_of_its_own_and_clips_with_a_person_s_truth_are_among_them() -> None:
    assert len({each.id for each in CUTS}) == len(CUTS)
    assert set(HUMAN) <= {each.clip for each in CUTS}


def test_a_window_keeps_boxes_with_half_their_area_inside() -> None:
    at = Place(10, 0, 50, 40, moved=(-10, 5))
    tracks = TrackedBoxes.of(
        [
            (1, 1, 20, 10, 30, 20),  # inside
            (1, 2, 0, 0, 20, 10),  # just half
            (1, 3, 0, 0, 19, 10),  # less
            (1, 4, 60, 0, 70, 10),  # not at all
        ]
    )
    inside, cut_off = in_window(tracks, at, zoom=2.0)
    assert inside.ids.tolist() == [1, 2]
    assert inside.boxes.tolist() == [[20, 30, 40, 50], [0, 10, 20, 30]]
    assert cut_off.ids.tolist() == [3]
    assert cut_off.boxes.tolist() == [[0, 10, 18, 30]]


def test_a_plain_look_changes_nothing_and_another_one_does_what_it_says() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (8, 8, 3), np.uint8)
    assert np.abs(PLAIN.of(image, rng).astype(int) - image).max() <= 1
    grey = np.full((4, 4, 3), 128, np.uint8)
    assert Look("", gain=0.5).of(grey, rng)[0, 0].tolist() == [64, 64, 64]
    assert Look("", contrast=0.5, lift=20.0).of(grey, rng)[0, 0].tolist() == [148, 148, 148]
    assert Look("", balance=(1.0, 0.5, 1.5)).of(grey, rng)[0, 0].tolist() == [128, 64, 192]
    assert Look("", noise=5.0).of(grey, rng).std() > 2


def test_a_tracklet_follows_the_vehicle_that_has_most_of_its_boxes() -> None:
    truth = rows(1, range(1, 11)) + rows(2, range(1, 11), left=300)
    run = rows(7, range(1, 8)) + rows(7, range(8, 11), left=300) + rows(8, range(1, 11), left=600)
    assert owners(camera(truth, run)) == {7: 1}


def test_the_fit_finds_the_curve_that_pairs_were_drawn_from_whatever_the_share_of_same_ones() -> None:
    rng = np.random.default_rng(0)
    true = Calibration(midpoint=0.6, slope=8.0)
    cosine = rng.uniform(0.2, 1.0, 200_000)
    same = rng.random(len(cosine)) < 1 / (1 + np.exp(-true.slope * (cosine - true.midpoint)))
    rare = ~same | (rng.random(len(same)) < 0.1)
    # Ratios are of likelihoods: where half of the pairs are the same they are the log odds themselves.
    for keep in (np.ones(len(same), np.bool_), rare):
        found = fit(cosine[keep], same[keep])
        assert found.midpoint == pytest.approx(0.6, abs=0.01)
        assert found.slope == pytest.approx(8.0, abs=0.2)


def test_loss_and_area_of_a_known_case() -> None:
    cosine, same = np.array([0.9, 0.4, 0.5, 0.1]), np.array([True, True, False, False])
    assert area(cosine, same) == pytest.approx(0.75)
    assert loss(Calibration(0.5, 0.0), cosine, same) == pytest.approx(np.log(2))
    assert loss(fit(cosine, same), cosine, same) < np.log(2)


def test_a_drawn_offset_moves_the_second_camera_alone() -> None:
    messages: list[Message] = [tick("up", at_s=1, sequence=1), tick("down", at_s=21, sequence=1), tick("up", at_s=22)]
    moved = at_offset(messages, 5.0)
    assert [(each.camera, each.at_ns // NS) for each in moved] == [("up", 1), ("down", 6), ("up", 22)]
    assert at_offset(moved, 2 * OFFSET_S - 5.0) == messages
    offsets = [offset_s for cut in range(len(CUTS)) for offset_s in drawn_offsets(cut)]
    assert all(5 <= offset_s <= 90 for offset_s in offsets)
    assert drawn_offsets(3) == drawn_offsets(3) != drawn_offsets(4)
