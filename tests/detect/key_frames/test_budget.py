"""The expensive detector sees key frames; between them its vehicles are propagated."""

from collections.abc import Sequence

import numpy as np
import pytest

from detect.boxes import clip, iou
from detect.detections import Detections
from detect.detector import Detector
from detect.key_frames.budget import BudgetCounts, BudgetedDetector
from ingest.clock import ManualClock
from tests.detect.key_frames.budget_scene import FPS, HEIGHT, WIDTH, Blind, Scripted, ScriptedSingle, as_boxes, frame

Path = list[list[tuple[float, float, float, float]]]
Truth = dict[tuple[str, int], Detections]


def drive(count: int, *, speed_px: float = 5.0, top: float = 60.0, left: float = 20.0) -> Path:
    """One vehicle to the right, frame by frame."""
    return [[(left + speed_px * i, top, left + 44 + speed_px * i, top + 32)] for i in range(count)]


def truth(path: Path, camera: str = "a", label: str = "bus", score: float = 0.9) -> Truth:
    return {
        (camera, index): Detections.of(
            clip(as_boxes(boxes), (WIDTH, HEIGHT)), np.full(len(boxes), score, np.float32), label
        )
        for index, boxes in enumerate(path)
    }


def run(
    path: Path,
    expensive: Scripted,
    cheap: Detector | None = None,
    *,
    camera: str = "a",
    calls_per_s: float | None = 1.0,
    gpu_share: float | None = None,
) -> tuple[list[Detections], BudgetCounts]:
    budgeted = BudgetedDetector(
        expensive, cheap or Blind(), clock=expensive.clock, max_calls_per_s=calls_per_s, max_gpu_share=gpu_share
    )
    found = [budgeted([frame(boxes, index, camera)])[0] for index, boxes in enumerate(path)]
    return found, budgeted.counts(camera)


def test_a_vehicle_is_propagated_with_its_name_between_key_frames() -> None:
    path = drive(32)
    expensive = Scripted(truth(path))
    found, counts = run(path, expensive)
    for boxes, seen in zip(path, found, strict=True):
        assert seen.labels == ("bus",)
        assert iou(seen.boxes, as_boxes(boxes))[0, 0] > 0.75
        assert seen.scores[0] >= 0.7
    assert counts.key_frames == len(expensive.frames) <= 2 + 32 / FPS


def test_no_more_calls_than_allowed_and_every_frame_is_counted_once() -> None:
    path = drive(40)
    # Something that no key frame confirms appears at another place on every frame: it asks and asks.
    restless = {
        ("a", i): Detections.of([[(37 * i) % 250, 120, (37 * i) % 250 + 40, 150]], [0.95]) for i in range(len(path))
    }
    expensive = Scripted(truth(path))
    _, counts = run(path, expensive, ScriptedSingle(restless), calls_per_s=0.5)
    assert counts.frames == 40
    assert counts.key_frames == len(expensive.frames) <= 2 + 0.5 * 40 / FPS
    assert counts.over_budget > 20


def test_nothing_changes_nothing_is_asked() -> None:
    path: Path = [[(100, 60, 150, 100)]] * 40
    expensive = Scripted(truth(path))
    found, counts = run(path, expensive, calls_per_s=5.0)
    assert counts == BudgetCounts(first=1, still=39)
    assert all(len(seen) == 1 for seen in found)


def test_what_the_cheap_detector_finds_new_is_shown_at_once_and_asked_about() -> None:
    path: Path = [[]] * 10 + drive(10)
    cheap = ScriptedSingle(truth(path, label="vehicle"))
    expensive = Scripted(truth(path))
    found, counts = run(path, expensive, cheap)
    assert expensive.frames == [("a", 0), ("a", 10), *expensive.frames[2:]]
    assert counts.new == 1
    assert found[10].labels == ("bus",)
    assert [len(seen) for seen in found] == [0] * 10 + [1] * 10


def test_without_a_call_left_the_cheap_detector_is_believed_for_now() -> None:
    path: Path = [[]] * 3 + drive(6)
    cheap = ScriptedSingle(truth(path, label="vehicle"))
    found, counts = run(path, Scripted({}), cheap, calls_per_s=1e-6)  # two calls and no more
    assert counts.key_frames == 2
    late = drive(6, top=120)
    both = {
        key: Detections.of(np.concatenate([seen.boxes, as_boxes(late[key[1] - 3])]))
        for key, seen in cheap.truth.items()
        if key[1] > 4
    }
    found, counts = run(path, Scripted({}), ScriptedSingle(cheap.truth | both), calls_per_s=1e-6)
    assert [len(seen) for seen in found] == [0, 0, 0, 0, 0, 1, 1, 1, 1], "the first is denied, the second not judged"
    assert set(found[-1].labels) == {"vehicle"}


def test_what_a_key_frame_denies_stays_away() -> None:
    ghost = {("a", index): Detections.of([[200.0, 100, 240, 140]], [0.99]) for index in range(24)}
    found, counts = run(drive(24), Scripted(truth(drive(24))), ScriptedSingle(ghost))
    assert all(seen.labels == ("bus",) for seen in found)
    assert counts.new == 0


def test_a_vehicle_that_leaves_the_frame_ends() -> None:
    path = drive(24, left=150, speed_px=12)
    visible = {key: seen for key, seen in truth(path).items() if path[key[1]][0][0] < 316}
    found, _ = run(path, Scripted(visible), calls_per_s=0.5)
    assert len(found[0]) == 1
    assert all(len(seen) == 0 for seen in found[16:])


def test_boxes_lie_in_the_frame_and_none_is_empty() -> None:
    path = drive(24, left=150, speed_px=12)
    found, _ = run(path, Scripted(truth(path[:10])), ScriptedSingle(truth(path[:14])), calls_per_s=0.5)
    for seen in found:
        assert (seen.boxes >= 0).all()
        assert (seen.boxes[:, 2] <= 320).all()
        assert (seen.boxes[:, 2:] > seen.boxes[:, :2]).all()


def test_a_gap_begins_anew() -> None:
    path = drive(4)
    expensive = Scripted(truth(path))
    budgeted = BudgetedDetector(expensive, Blind(), clock=expensive.clock, max_calls_per_s=1.0)
    for index, at_s in enumerate([0.0, 0.1, 5.0, 4.0]):  # also back in time
        budgeted([frame(path[index], index, at_s=at_s)])
    assert [sequence for _, sequence in expensive.frames] == [0, 2, 3]
    assert budgeted.counts("a").first == 3


def two_cameras() -> tuple[dict[str, Path], Truth]:
    paths = {"a": drive(24), "b": drive(24, top=110, speed_px=3)}
    return paths, truth(paths["a"], "a", "car") | truth(paths["b"], "b", "truck")


def test_all_key_frames_of_a_call_are_looked_at_together() -> None:
    paths, scripted = two_cameras()
    expensive = Scripted(scripted)
    budgeted = BudgetedDetector(expensive, Blind(), clock=expensive.clock, max_calls_per_s=1.0)
    for index in range(24):
        before = len(expensive.calls)
        budgeted([frame(paths[camera][index], index, camera) for camera in paths])
        assert len(expensive.calls) - before <= 1
    assert expensive.calls[0] == [("a", 0), ("b", 0)]
    assert all(expensive.calls), "never called for nothing"


def test_together_or_alone_is_the_same() -> None:
    paths, scripted = two_cameras()

    def follow(groups: Sequence[Sequence[str]]) -> dict[str, list[list[float]]]:
        budgeted = BudgetedDetector(Scripted(scripted), Blind(), clock=ManualClock(), max_calls_per_s=1.0)
        boxes: dict[str, list[list[float]]] = {"a": [], "b": []}
        for index in range(24):
            for cameras in groups:
                found = budgeted([frame(paths[camera][index], index, camera) for camera in cameras])
                for camera, seen in zip(cameras, found, strict=True):
                    boxes[camera] += seen.boxes.tolist()
        return boxes

    assert follow([["a", "b"]]) == follow([["a"], ["b"]]) == follow([["b", "a"]])


def test_a_share_of_the_time_is_shared_by_all_cameras() -> None:
    paths, scripted = two_cameras()
    expensive = Scripted(scripted, frame_s=0.05)
    budgeted = BudgetedDetector(expensive, Blind(), clock=expensive.clock, max_gpu_share=0.2)
    for index in range(24):
        budgeted([frame(paths[camera][index], index, camera) for camera in paths])
        expensive.clock.sleep(1 / FPS)
    elapsed_s = expensive.clock.monotonic_s()
    busy_s = 0.05 * len(expensive.frames[1:])  # the first is not charged
    assert 0.1 * elapsed_s < busy_s <= 0.2 * elapsed_s + 0.05
    assert {camera for camera, _ in expensive.frames} == {"a", "b"}
    assert abs(budgeted.counts("a").key_frames - budgeted.counts("b").key_frames) <= 2, "who has waited longest is next"


def test_masks_are_those_of_the_key_frame() -> None:
    box = [100.0, 60, 150, 100]
    mask = np.zeros((1, 180, 320), np.bool_)
    mask[:, 60:100, 100:150] = True
    expensive = Scripted({("a", 0): Detections.of([box], [0.9], masks=mask)})
    found, _ = run([[tuple(box)]] * 2, expensive)  # type: ignore[list-item]  # four numbers
    assert found[0].masks is not None
    assert np.array_equal(found[0].masks, mask)
    assert found[1].masks is None


@pytest.mark.parametrize(("key_score", "cheap_score", "starts"), [
    (0.9, None, True),
    (0.5, None, True),
    (0.4, None, False),
    (0.4, 0.9, True),
    (0.4, 0.5, False),
    (0.1, 0.9, False),
])  # fmt: skip
def test_a_likely_vehicle_starts_a_track(key_score: float, cheap_score: float | None, starts: bool) -> None:
    path = drive(3)
    cheap = Blind() if cheap_score is None else ScriptedSingle(truth(path, score=cheap_score))
    found, _ = run(path, Scripted(truth(path, score=key_score)), cheap)
    assert (found[1].scores[0] >= 0.7) == starts


def test_no_frames_no_call() -> None:
    expensive = Scripted({})
    assert BudgetedDetector(expensive, Blind(), clock=expensive.clock, max_calls_per_s=1.0)([]) == []
    assert expensive.calls == []


@pytest.mark.parametrize("both", [(None, None), (1.0, 0.5)])
def test_exactly_one_budget_is_given(both: tuple[float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="max_calls_per_s"):
        BudgetedDetector(Scripted({}), Blind(), clock=ManualClock(), max_calls_per_s=both[0], max_gpu_share=both[1])
