"""Ids stay with their vehicles."""

import numpy as np
import pytest

from detect.detections import Detections
from detect.tracking import Tracker
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame

IMAGE = np.zeros((200, 400, 3), np.uint8)


def follow(positions: list[list[tuple[float, float]]], *, fps: float = 8.0, start_ns: int = 0) -> list[Detections]:
    """Boxes of 40x30 at the given places, frame by frame."""
    tracker = Tracker()
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


def queue(gap: int) -> list[list[tuple[float, float]]]:
    """A vehicle that comes, stands, and is not seen for a number of frames."""
    return [[] if 20 <= i < 20 + gap else [(min(10 + 5 * i, 60), 20)] for i in range(20 + gap + 5)]


@pytest.mark.parametrize(("gap", "ids"), [(3, {1}), (8, {1}), (14, {1, 2})])
def test_motion_alone_finds_a_vehicle_again_for_a_second(gap: int, ids: set[int]) -> None:
    """After it looks have to say whether it is the same (tests/embed/test_joining.py)."""
    assert {int(i) for found in follow(queue(gap)) for i in found.track_ids} == ids


@pytest.mark.parametrize(
    ("place", "step_px", "passed_s"),
    [((340.0, 150.0), 8, 1.2), ((180.0, 80.0), 8, 4.0), ((180.0, 80.0), 0, 10.0)],
    ids=["at the edge, where it leaves", "inside", "stood"],
)
def test_a_track_ends_where_it_cannot_come_back(place: tuple[float, float], step_px: int, passed_s: float) -> None:
    """A vehicle that moves to the lower right until it is there, or stands there."""
    tracker, ended_at = Tracker(), None
    for index in range(110):
        x, y = (side - step_px * (19 - index) for side in place)
        boxes = [[x, y, x + 40, y + 30]] if index < 20 else []
        tracker(frame_at(index), Detections.of(np.array(boxes, np.float32).reshape(-1, 4)))
        if tracker.ended:
            assert tracker.ended == (1,)
            ended_at = index
    assert ended_at == pytest.approx(19 + 8 * passed_s, abs=1)


@pytest.mark.parametrize(("seen_before", "found"), [(True, 1), (False, 0)])
def test_a_weak_detection_continues_only_what_was_just_seen(seen_before: bool, found: int) -> None:
    tracker = Tracker(start_score=0.7)
    place = np.array([[100, 50, 140, 80]], np.float32)
    for index in range(20):
        tracker(frame_at(index), Detections.of(place, [0.9]))
    if not seen_before:
        tracker(frame_at(20), Detections.none())
    assert len(tracker(frame_at(21), Detections.of(place, [0.2]))) == found


def frame_at(index: int) -> Frame:
    return Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE)


def starts(scores: list[float], step_px: float, *, first: int = 0) -> int | None:
    """Place of the first box with an id, of one vehicle that moves by a step a frame; frames before it are empty."""
    tracker = Tracker(start_score=0.5)
    for index in range(first):
        tracker(frame_at(index), Detections.none())
    for index, score in enumerate(scores):
        x = 10 + step_px * index
        if len(tracker(frame_at(first + index), Detections.of([[x, 20, x + 40, 50]], [score]))):
            return index
    return None


@pytest.mark.parametrize(
    ("scores", "step_px", "first", "place"),
    [
        ([0.5], 0, 20, 0),
        ([0.3] * 10, 5, 20, 5),
        ([0.3] * 80, 0, 20, None),
        ([0.3, 0.6], 5, 20, 1),
        ([0.3] * 40 + [0.52] * 3 + [0.3] * 40, 0, 20, None),
        ([0.55] * 3, 0, 0, 1),
        ([0.52, 0.3, 0.3, 0.3, 0.52, 0.3], 0, 0, None),
        ([0.8], 0, 0, 0),
    ],
    ids=[
        "sure",
        "weak, and moves",
        "a caption",
        "weak at first",
        "a caption that is sure now and then",
        "sure for two frames, there from the start",
        "a caption at the start",
        "parked, there from the start",
    ],
)
def test_evidence_starts_a_track(scores: list[float], step_px: float, first: int, place: int | None) -> None:
    assert starts(scores, step_px, first=first) == place


def test_a_part_of_a_tracked_vehicle_starts_nothing() -> None:
    tracker = Tracker()
    for index in range(10):
        x = 10.0 + 4 * index
        boxes = [[x, 20.0, x + 120, 100.0], [x + 5, 30.0, x + 50, 90.0]]
        found = tracker(frame_at(index), Detections.of(boxes[: 1 + (index == 5)]))
        assert found.track_ids.tolist() == [1]


def test_two_vehicles_that_pass_each_other_keep_their_ids() -> None:
    """The nearer one hides the other for a second."""
    hidden = range(20, 28)
    path = [[(100 + 3.0 * i, 20.0), *([] if i in hidden else [(250 - 3.0 * i, 40.0)])] for i in range(48)]
    assert {int(i) for found in follow(path) for i in found.track_ids} == {1, 2}


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
