"""Boxes and labels of an ATSS network to vehicles."""

import numpy as np

from detect.atss import decode

ROWS = np.array(
    [[0, 0, 224, 128, 0.9], [0, 0, 448, 256, 0.4], [-10, 10, 50, 300, 0.5], [5, 5, 5, 20, 0.8], [1, 1, 9, 9, 0.7]],
    np.float32,
)
VEHICLES = np.array([True, True, True, True, False])


def test_boxes_are_scaled_to_the_image_and_clipped() -> None:
    found = decode(ROWS, VEHICLES, (448, 256), (896, 512), 0.3)
    assert found.boxes.tolist() == [[0, 0, 448, 256], [0, 0, 896, 512], [0, 20, 100, 512]]
    assert found.scores.tolist() == np.array([0.9, 0.4, 0.5], np.float32).tolist()


def test_weak_ones_empty_ones_and_other_classes_are_left_out() -> None:
    assert len(decode(ROWS, VEHICLES, (448, 256), (448, 256), 0.6)) == 1
    assert len(decode(ROWS[:0], VEHICLES[:0], (448, 256), (448, 256), 0.1)) == 0
