"""Recall and precision of detectors on drawn frames, and how far they agree on a clip without truth."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detect.boxes import iou
from detect.detections import Boxes
from detect.detector import BatchDetector
from detect.matching import NO_TRACK, Matching
from ingest.frame import Frame
from tests.bench.foundation_check.drawn import DrawnFrame

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """Vehicles that count and those found, boxes, those on no vehicle at all, and the time of a frame."""

    true: int
    right: int
    boxes: int
    wrong: int
    frame_ms: float

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0


def look(detector: BatchDetector, frames: Sequence[Frame]) -> tuple[list[Boxes], float]:
    """The boxes in each frame, and the milliseconds of a frame; the first one is shown twice, to warm up."""
    detector(frames[:1])
    began_s = time.perf_counter()
    found = [detector([frame])[0].boxes for frame in frames]
    return found, 1000 * (time.perf_counter() - began_s) / len(frames)


def compare(drawn: Sequence[DrawnFrame], found: Sequence[Boxes], frame_ms: float) -> BoxFigures:
    """Match boxes one to one with the vehicles, those that count first; a box on one that does not is not wrong."""
    right = wrong = 0
    for each, boxes in zip(drawn, found, strict=True):
        matching = Matching(len(each.true), len(boxes))
        likeness, everything = iou(each.true.boxes, boxes), np.ones(len(boxes), np.bool_)
        matching.stage(likeness, each.counts, everything, MIN_IOU)
        right += int((matching.track_of != NO_TRACK).sum())
        matching.stage(likeness, ~each.counts, everything, MIN_IOU)
        wrong += int((matching.track_of == NO_TRACK).sum())
    return BoxFigures(sum(int(each.counts.sum()) for each in drawn), right, sum(map(len, found)), wrong, frame_ms)


def agreement(found: Mapping[str, Sequence[Boxes]]) -> list[list[str]]:
    """By detector: boxes a frame, and the share of them that each of the others has a box on."""
    rows = []
    for name, boxes in found.items():
        total = sum(map(len, boxes))
        shared = [f"{_shared(boxes, others) / total:.2f}" if total else "-" for others in found.values()]
        rows.append([name, f"{total / len(boxes):.1f}", *shared])
    return rows


def _shared(boxes: Sequence[Boxes], others: Sequence[Boxes]) -> int:
    return sum(
        int((iou(mine, theirs).max(axis=1, initial=0) >= MIN_IOU).sum())
        for mine, theirs in zip(boxes, others, strict=True)
    )
