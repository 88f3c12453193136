"""Arithmetic on boxes."""

from itertools import pairwise

import numpy as np

from detect.boxes import areas, clip, covered, intersections, iou, suppress, touches_border
from detect.detections import Detections

BOXES = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 20, 30], [0, 0, 10, 20]], np.float32)


def test_iou_of_known_pairs() -> None:
    matrix = iou(BOXES, BOXES)
    assert np.allclose(np.diag(matrix), [1, 1, 0, 1])
    assert np.isclose(matrix[0, 1], 50 / 150)
    assert np.isclose(matrix[0, 3], 0.5)
    assert np.allclose(matrix, matrix.T)


def test_empty_in_empty_out() -> None:
    none = np.empty((0, 4), np.float32)
    assert areas(none).shape == (0,)
    assert iou(none, BOXES).shape == (0, 4)
    assert covered(none).shape == (0,)
    assert intersections(BOXES, none).shape == (4, 0)


def test_only_the_nearer_vehicle_covers() -> None:
    far, near = [0, 0, 10, 10], [0, 5, 10, 20]
    assert np.allclose(covered(np.array([far, near], np.float32)), [0.5, 0.0])


def test_border_and_clip() -> None:
    boxes = np.array([[-5, 10, 10, 20], [50, 50, 60, 60], [90, 50, 120, 60]], np.float32)
    assert touches_border(boxes, (100, 100)).tolist() == [True, False, True]
    assert clip(boxes, (100, 100))[2].tolist() == [90, 50, 100, 60]


def test_columns_go_together() -> None:
    found = Detections.of(BOXES, [0.1, 0.2, 0.3, 0.4], labels=("a", "b", "c", "d"))
    chosen = found.select(np.array([3, 0]))
    assert chosen.labels == ("d", "a")
    assert np.allclose(chosen.scores, [0.4, 0.1])
    assert len(found.select(np.zeros(4, np.bool_))) == 0


def test_suppression_keeps_the_surest_first() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 1, 10, 11], [50, 50, 60, 60], [0, 5, 10, 15]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.8], np.float32)
    # The last one shares .43 with the surest, and more only with the first, which is gone.
    assert suppress(boxes, scores, 0.45).tolist() == [1, 3, 2]
    assert suppress(boxes, scores, 0.4).tolist() == [1, 2]


def test_suppression_of_nothing() -> None:
    assert suppress(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.45).shape == (0,)


def test_suppression_against_its_definition() -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 80, (200, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 40, (200, 2))]).astype(np.float32)
    scores = rng.uniform(0.1, 1, 200).astype(np.float32)
    shared = iou(boxes, boxes)
    expected: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if all(shared[row, kept] <= 0.45 for kept in expected):
            expected.append(row)
    kept = suppress(boxes, scores, 0.45).tolist()
    assert kept == expected
    assert all(scores[surer] >= scores[weaker] for surer, weaker in pairwise(kept))
