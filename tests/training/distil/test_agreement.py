"""Who is found, who is wrong, who does not count; and which scores are chosen by it."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from detect.detections import Detections  # noqa: E402 - torch first
from training.distil.agreement import FALLBACK_SCORE, MatchCounts, choose_scores, compare, match  # noqa: E402
from training.distil.footage import RecordedFrame  # noqa: E402
from training.distil.labels import LabelledFrame  # noqa: E402

CAR = [10.0, 10.0, 30.0, 20.0]
SHIFTED = [13.0, 10.0, 33.0, 20.0]  # shares 17 of 23
FAR = [100.0, 50.0, 120.0, 60.0]
SURE = 0.5


def seen(*boxes: tuple[list[float], float], label: str = "car") -> Detections:
    return Detections.of(
        np.array([box for box, _ in boxes], np.float32).reshape(-1, 4),
        [score for _, score in boxes],
        (label,) * len(boxes),
    )


def labelled(found: Detections, at_ns: int = 0, camera: str = "north") -> LabelledFrame:
    return LabelledFrame(RecordedFrame(camera, at_ns, Path("none.jpg")), found, (160, 96))


CASES: dict[str, tuple[Detections, Detections, tuple[int, int, int, int]]] = {
    "nothing at all": (seen(), seen(), (0, 0, 0, 0)),
    "found": (seen((CAR, 0.9)), seen((SHIFTED, 0.8)), (1, 1, 1, 1)),
    "missed": (seen((CAR, 0.9)), seen(), (1, 0, 0, 0)),
    "missed, and a false one": (seen((CAR, 0.9)), seen((FAR, 0.8)), (1, 0, 1, 0)),
    "found twice, which is once wrong": (seen((CAR, 0.9)), seen((CAR, 0.9), (SHIFTED, 0.8)), (1, 1, 2, 1)),
    "too little of itself": (seen((CAR, 0.9)), seen((CAR, 0.2)), (1, 0, 0, 0)),
    "what the teacher is unsure of does not count": (seen((CAR, 0.3)), seen((CAR, 0.9)), (0, 0, 0, 0)),
    "nor does it hide a vehicle": (seen((CAR, 0.9), (SHIFTED, 0.3)), seen((CAR, 0.9)), (1, 1, 1, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_counts(name: str) -> None:
    teacher, student, expected = CASES[name]
    found = compare([labelled(teacher)], [student], SURE, 0.5, [])
    count = found.all
    assert (count.vehicles, count.found, count.predicted, count.right) == expected
    assert found.cameras["north"] == count
    assert sum(each.vehicles for each in found.sizes.values()) == count.vehicles
    assert sum(each.predicted for each in found.sizes.values()) == count.predicted


def test_the_surer_box_takes_the_vehicle_it_shares_most_with() -> None:
    boxes = np.array([SHIFTED, CAR], np.float32)
    assert match(boxes, np.array([CAR, SHIFTED], np.float32), boxes[:0]).of_vehicle.tolist() == [1, 0]


def test_by_size_and_by_label() -> None:
    large = [0.0, 0.0, 100.0, 90.0]
    found = compare([labelled(seen((CAR, 0.9), (large, 0.9)))], [seen((large, 0.9), label="bus")], SURE, 0.5, [])
    assert (found.sizes["below 16"].recall, found.sizes["above 64"].recall) == (0.0, 1.0)
    assert found.named_alike == 0
    assert compare([labelled(seen((large, 0.9)))], [seen((large, 0.9))], SURE, 0.5, []).named_alike == 1


def test_what_stands_where_it_stood_is_told_apart() -> None:
    before = [labelled(seen((FAR, 0.9)), 0), labelled(seen((CAR, 0.9)), 1)]
    held = labelled(seen((CAR, 0.9), (FAR, 0.9)), 2)
    moved = compare([held], [seen((CAR, 0.9))], SURE, 0.5, before).moved
    assert (moved.vehicles, moved.found) == (1, 0)
    elsewhere = labelled(held.found, 2, camera="south")
    assert compare([elsewhere], [seen()], SURE, 0.5, before).moved.vehicles == 2


def test_scores_are_chosen_where_right_and_wrong_part() -> None:
    frames = [labelled(seen((CAR, 0.9))) for _ in range(10)]
    said = [seen((CAR, 0.55), (FAR, 0.32)) for _ in range(10)]
    start, continues = choose_scores(frames, said, ["car", "bus"], SURE)
    assert 0.32 < start <= 0.55
    assert list(continues) == pytest.approx([start / 2, min(start, FALLBACK_SCORE) / 2], abs=1e-3)
    assert choose_scores(frames, [seen()] * 10, ["car"], SURE)[0] == FALLBACK_SCORE, "it sees nothing"


def test_shares_of_nothing_are_none() -> None:
    assert (MatchCounts().recall, MatchCounts().precision, MatchCounts().f1) == (None, None, 0.0)
