"""What is asked about between key frames."""

from itertools import pairwise

import numpy as np
import pytest

from detect.detections import Detections
from detect.key_frames.box_propagation import BoxPropagator, explained_by, match_boxes
from detect.key_frames.median_flow import to_grayscale
from tests.detect.key_frames.budget_scene import HEIGHT, WIDTH, as_boxes, street_image

Step = list[tuple[float, float, float, float]]


def follow(path: list[Step], cheap_score: float, *, key: Detections | None = None) -> BoxPropagator:
    """A camera in which the cheap detector sees the path with a score, after a key frame on its first frame."""
    propagator, before = BoxPropagator((WIDTH, HEIGHT), start_score=0.7, cheap_start_score=0.6), None
    for boxes in path:
        after = to_grayscale(street_image(boxes))
        cheap = Detections.of(as_boxes(boxes), np.full(len(boxes), cheap_score, np.float32))
        if before is not None:
            propagator.propagate(before, after)
        propagator.update(cheap)
        if before is None and key is not None:
            propagator.reset(key, cheap)
        before = after
    return propagator


STANDS: list[Step] = [[], [(100, 50, 150, 90)], [(100, 50, 150, 90)], [(100, 50, 150, 90)]]
DRIVES: list[Step] = [[], *([(100.0 + 6 * i, 50.0, 150.0 + 6 * i, 90.0)] for i in range(3))]


@pytest.mark.parametrize(
    ("name", "path", "score", "asks"),
    [
        ("sure of what stands", STANDS, 0.65, True),
        ("sure of what drives", DRIVES, 0.65, True),
        ("unsure of what stands", STANDS, 0.3, False),
        ("unsure of what drives", DRIVES, 0.3, True),
    ],
)
def test_what_asks_for_a_key_frame(name: str, path: list[Step], score: float, asks: bool) -> None:
    assert (follow(path, score, key=Detections.none()).unverified_count == 1) == asks, name


def test_scores_of_the_cheap_detector_come_out_on_the_scale_of_the_other() -> None:
    scores = follow(STANDS[:2], 0.3).detections().scores
    np.testing.assert_allclose(scores, [0.3 * 0.7 / 0.6], rtol=1e-5)


def test_a_rejected_box_neither_asks_nor_shows_also_when_it_drives() -> None:
    propagator = follow(DRIVES[1:], 0.9, key=Detections.none())
    assert propagator.unverified_count == 0
    assert len(propagator.detections()) == 0


def test_nothing_is_left_at_the_edge_of_a_vehicle_that_has_gone() -> None:
    path: list[Step] = [[(250 + 14.0 * i, 60, 300 + 14.0 * i, 100)] for i in range(6)]
    propagator = BoxPropagator((WIDTH, HEIGHT), start_score=0.7, cheap_start_score=0.7)
    propagator.reset(Detections.of(as_boxes(path[0])), Detections.none())
    left = []
    for before, after in pairwise(path):
        propagator.propagate(to_grayscale(street_image(before)), to_grayscale(street_image(after)))
        left.append(len(propagator.detections()))
    assert left == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(("cheap_then", "asks"), [(0.3, True), (0.9, False)])
def test_what_is_seen_well_only_after_a_weak_key_frame_is_asked_about_again(cheap_then: float, asks: bool) -> None:
    """Where both have spoken on the same frame, asking again would be asking for ever."""
    box = as_boxes([STANDS[1][0]])
    propagator = BoxPropagator((WIDTH, HEIGHT), start_score=0.7, cheap_start_score=0.6)
    propagator.reset(Detections.of(box, [0.2]), Detections.of(box, [cheap_then]))
    propagator.update(Detections.of(box, [0.9]))
    assert (propagator.unverified_count == 1) == asks
    assert (propagator.detections().scores[0] >= 0.7) == asks


def test_what_is_seen_weakly_after_a_weak_key_frame_stays_as_it_was() -> None:
    box = as_boxes([STANDS[1][0]])
    propagator = BoxPropagator((WIDTH, HEIGHT), start_score=0.7, cheap_start_score=0.6)
    propagator.reset(Detections.of(box, [0.3]), Detections.none())
    propagator.update(Detections.of(box, [0.3]))
    assert propagator.unverified_count == 0
    np.testing.assert_allclose(propagator.detections().scores, [0.3])


@pytest.mark.parametrize(("score", "promoted"), [(0.5, 0.7), (0.48, 0.48)])
def test_a_key_frame_s_box_near_the_start_score_gets_it(score: float, promoted: float) -> None:
    propagator = BoxPropagator((WIDTH, HEIGHT), start_score=0.7, cheap_start_score=0.6)
    propagator.reset(Detections.of(as_boxes([STANDS[1][0]]), [score]), Detections.none())
    assert propagator.detections().scores[0] == pytest.approx(promoted, abs=0.011)


def test_a_box_is_explained_by_one_that_it_is_or_lies_within() -> None:
    boxes = as_boxes([(0, 0, 40, 40), (5, 5, 15, 15), (35, 0, 55, 40), (200, 0, 240, 40)])
    others = as_boxes([(0, 0, 40, 38)])
    assert explained_by(boxes, others).tolist() == [True, True, False, False]


def test_boxes_are_matched_one_to_one_the_best_first() -> None:
    left = as_boxes([(0, 0, 40, 40), (2, 0, 42, 40), (100, 0, 140, 40)])
    right = as_boxes([(2, 0, 42, 40), (108, 0, 148, 40), (300, 0, 340, 40)])
    assert match_boxes(left, right) == {1: 0, 2: 1}
