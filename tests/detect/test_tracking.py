"""Ids stay with their vehicles."""

import numpy as np

from detect.detections import Detections
from detect.tracking import Tracker
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame

IMAGE = np.zeros((200, 400, 3), np.uint8)


def follow(positions: list[list[tuple[float, float]]], *, fps: float = 8.0, start_ns: int = 0) -> list[Detections]:
    """Boxes of 40x30 at the given places, frame by frame."""
    tracker = Tracker(frame_rate=fps)
    result = []
    for index, places in enumerate(positions):
        frame = Frame("a", index, start_ns + round(index * NS / fps), ClockQuality.FILE, IMAGE)
        boxes = np.array([[x, y, x + 40, y + 30] for x, y in places], np.float32).reshape(-1, 4)
        result.append(tracker(frame, Detections.of(boxes, np.full(len(boxes), 0.9, np.float32))))
    return result


def test_two_vehicles_keep_their_ids() -> None:
    tracked = follow([[(10 + 6 * i, 20), (300 - 6 * i, 120)] for i in range(20)])
    assert all(sorted(found.track_ids.tolist()) == [1, 2] for found in tracked[2:])
    upper = {int(found.track_ids[found.boxes[:, 1].argmin()]) for found in tracked[2:]}
    assert len(upper) == 1


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    def path(gap: int) -> list[list[tuple[float, float]]]:
        return [[] if 10 <= i < 10 + gap else [(10 + 5 * i, 20)] for i in range(30)]

    assert {int(i) for found in follow(path(3)) for i in found.track_ids} == {1}
    assert {int(i) for found in follow(path(14)) for i in found.track_ids} == {1, 2}


def test_absolute_time_makes_no_difference() -> None:
    path = [[(10 + 6.0 * i, 20.0)] for i in range(12)]
    early, late = follow(path), follow(path, start_ns=1_790_000_000 * NS)
    assert [found.track_ids.tolist() for found in early] == [found.track_ids.tolist() for found in late]


def test_a_vehicle_has_its_id_on_its_first_frame() -> None:
    """Whenever it comes; the library by itself gives it one frame later."""
    tracked = follow([[], [], [(10, 20)], [(16, 20), (200, 100)]])
    assert [found.track_ids.tolist() for found in tracked] == [[], [], [1], [1, 2]]


def test_nothing_in_nothing_out() -> None:
    assert all(len(found) == 0 for found in follow([[] for _ in range(3)]))
