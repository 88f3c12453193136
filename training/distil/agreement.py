"""The agreement of a student's boxes with its teacher's: boxes that share half of their union are the same vehicle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, iou
from detect.detections import Boxes, Detections
from training.distil.labels import LabelledFrame

MATCH_IOU = 0.5
STATIONARY_IOU = 0.7
"""Intersection over union with what the teacher saw in the last frame that was learned from: it has not moved."""

EDGES_PX = (16.0, 32.0, 64.0)
SIZES = ("below 16", "16 to 32", "32 to 64", "above 64")
"""Classes of box size: the square root of the area, in pixels of the frame."""

SCORES = np.round(np.arange(0.1, 0.8, 0.05), 2)
"""Among which thresholds are chosen."""

FALLBACK_SCORE = 0.3
"""Score threshold where there is nothing to choose by."""

CONTINUE_RATIO = 0.5
"""Share of the score that starts a track that is needed to continue one."""


@dataclass(slots=True)
class MatchCounts:
    """Vehicles of the teacher and how many of them were found; boxes of the student and how many of them are right."""

    vehicles: int = 0
    found: int = 0
    predicted: int = 0
    right: int = 0

    @property
    def recall(self) -> float | None:
        return self.found / self.vehicles if self.vehicles else None

    @property
    def precision(self) -> float | None:
        return self.right / self.predicted if self.predicted else None

    @property
    def f1(self) -> float:
        return 2 * self.found / (self.vehicles + self.predicted) if self.vehicles + self.predicted else 0.0

    def add(self, found: NDArray[np.bool_], right: NDArray[np.bool_]) -> None:
        """Add a frame: its vehicles, True where found, and the student's boxes, True where right."""
        self.vehicles += len(found)
        self.found += int(found.sum())
        self.predicted += len(right)
        self.right += int(right.sum())


@dataclass(slots=True)
class Agreement:
    """Agreement on held-out frames: in all, by size of the boxes, by camera, and of vehicles not there before.

    Of `moved` only the recall means something. named_alike: of the vehicles found, those under their teacher's label.
    """

    all: MatchCounts = field(default_factory=MatchCounts)
    sizes: dict[str, MatchCounts] = field(default_factory=lambda: {name: MatchCounts() for name in SIZES})
    cameras: dict[str, MatchCounts] = field(default_factory=dict)
    moved: MatchCounts = field(default_factory=MatchCounts)
    named_alike: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Match of a frame: the student's box for each vehicle of the teacher, -1 for none; and which boxes count.

    A box that fits none but one that the teacher is unsure of does not count.
    """

    of_vehicle: NDArray[np.int64]
    counts: NDArray[np.bool_]


def match(predicted: Boxes, vehicles: Boxes, unsure: Boxes) -> Match:
    """The student's boxes, surest first, each take the free vehicle that they share most with."""
    shared = iou(predicted, vehicles)
    of_vehicle = np.full(len(vehicles), -1, np.int64)
    counts = np.ones(len(predicted), np.bool_)
    doubtful = np.asarray((iou(predicted, unsure) >= MATCH_IOU).any(axis=1), np.bool_)
    for row in range(len(predicted)):
        free = np.where(of_vehicle < 0, shared[row], -1.0)
        best = int(free.argmax()) if len(vehicles) else -1
        if best >= 0 and free[best] >= MATCH_IOU:
            of_vehicle[best] = row
        else:
            counts[row] = not doubtful[row]
    return Match(of_vehicle, counts)


def compare(
    frames: Sequence[LabelledFrame],
    predicted: Sequence[Detections],
    sure: float,
    start_score: float,
    learned: Sequence[LabelledFrame],
) -> Agreement:
    """Compare the student's boxes from `start_score` on with what the teacher is `sure` of, in the same frames."""
    result = Agreement()
    before = {
        each.recorded.camera_id: each.found.boxes[each.found.scores >= sure] for each in learned
    }  # the last one's
    for each, boxes in zip(frames, predicted, strict=True):
        # Step 1: match the student's boxes with the vehicles that the teacher is sure of
        boxes = boxes.select(boxes.scores >= start_score)
        vehicles, matched = _matched(each, boxes, sure)
        found = matched.of_vehicle >= 0
        right = np.isin(np.arange(len(boxes)), matched.of_vehicle)
        result.all.add(found, right[matched.counts])
        camera = result.cameras.setdefault(each.recorded.camera_id, MatchCounts())
        camera.add(found, right[matched.counts])
        # Step 2: the same by size: vehicles by their own, boxes by theirs
        theirs, ours = _sizes(vehicles.boxes), _sizes(boxes.boxes)
        for number, name in enumerate(SIZES):
            result.sizes[name].add(found[theirs == number], right[matched.counts & (ours == number)])
        # Step 3: recall of vehicles that did not stand there in the camera's last frame learned from
        stood = (iou(vehicles.boxes, before.get(each.recorded.camera_id, vehicles.boxes[:0])) >= STATIONARY_IOU).any(
            axis=1
        )
        result.moved.add(found[~stood], right[:0])
        result.named_alike += sum(
            vehicles.labels[row] == boxes.labels[matched.of_vehicle[row]] for row in np.flatnonzero(found)
        )
    return result


def choose_scores(
    frames: Sequence[LabelledFrame], predicted: Sequence[Detections], labels: Sequence[str], sure: float
) -> tuple[float, tuple[float, ...]]:
    """The score that starts a track, with the best F1 over all labels, and by label the one that continues it."""
    start = _best(frames, predicted, sure)
    best: Mapping[str, float] = {
        name: _best([_only(each, name) for each in frames], [_of(each, name) for each in predicted], sure)
        for name in labels
    }
    return start, tuple(round(CONTINUE_RATIO * min(best[name], start), 3) for name in labels)


def _best(frames: Sequence[LabelledFrame], predicted: Sequence[Detections], sure: float) -> float:
    f1 = []
    for score in SCORES:
        count = MatchCounts()
        for each, boxes in zip(frames, predicted, strict=True):
            _, matched = _matched(each, kept := boxes.select(boxes.scores >= score), sure)
            right = np.isin(np.arange(len(kept)), matched.of_vehicle)
            count.add(matched.of_vehicle >= 0, right[matched.counts])
        f1.append(count.f1)
    if max(f1) == 0:
        return FALLBACK_SCORE
    # The middle of the plateau, which depends on single boxes less than the peak does.
    return round(float(np.median(SCORES[np.array(f1) >= max(f1) - 0.01])), 3)


def _matched(frame: LabelledFrame, boxes: Detections, sure: float) -> tuple[Detections, Match]:
    certain = frame.found.scores >= sure
    vehicles = frame.found.select(certain)
    return vehicles, match(boxes.boxes, vehicles.boxes, frame.found.boxes[~certain])


def _only(frame: LabelledFrame, label: str) -> LabelledFrame:
    return LabelledFrame(frame.recorded, _of(frame.found, label), frame.size)


def _of(found: Detections, label: str) -> Detections:
    return found.select(np.array([name == label for name in found.labels], np.bool_))


def _sizes(boxes: Boxes) -> NDArray[np.int64]:
    return np.asarray(np.digitize(np.sqrt(areas(boxes)), EDGES_PX), np.int64)
