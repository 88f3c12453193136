"""What is known of one camera's vehicles between two key frames of an expensive detector."""

from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip, intersections, iou
from detect.detections import Boxes, Detections
from detect.key_frames.median_flow import Grey, carry

SAME_IOU = 0.5
"""From this overlap on two boxes are one vehicle."""
PART_SHARE = 0.6
"""A box of which this share lies in another one is part of what is known."""
CHEAP_WEIGHT = 0.3
"""A carried box is pulled this far towards the cheap detector's: against drift, not to its own idea of a box."""
MIN_VISIBLE_SHARE = 0.5
"""A carried box of which less than this is in the picture has left it: what is seen in its rest is road."""
MOVING_SHARE = 0.05
"""What goes this share of its shorter side from one frame to the next moves."""
LIKELY, LIKELY_IF_SEEN = 0.7, 0.4
"""Shares of the start score. A score is one draw of many: of the vehicles that have .7 of it on a key frame, seven in
ten reach all of it on another frame, where the detector on every frame would have started a track; where a cheap
detector is sure of the vehicle as well, half of those with .4 do."""


class Standing(Enum):
    """What the last key frame said about a box."""

    CONFIRMED = auto()
    NEW = auto()  # nothing, or not enough: the cheap detector's, or seen well only since
    DENIED = auto()  # the cheap detector's, and the expensive one saw no vehicle there


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One box: `box` (4,) float32 xyxy pixels, which may reach beyond the picture.

    `moved`: (2,) float32 pixels since the frame before. `sure`: whether it is still where the vehicle is.
    `disputed`: the expensive detector was unsure of it and the cheap one sure, in the same picture.
    """

    box: NDArray[np.float32]
    score: float
    label: str
    standing: Standing
    moved: NDArray[np.float32]
    sure: bool = True
    disputed: bool = False


class Between:
    """The boxes of one camera: set by a key frame, carried from picture to picture, compared with a cheap detector's.

    `size`: width and height of its pictures in pixels. `start_score` and `cheap_start_score`: from which score on a
    detection of the expensive and of the cheap detector starts a track; all scores come out on the first one's scale.
    """

    def __init__(self, size: tuple[int, int], *, start_score: float, cheap_start_score: float) -> None:
        self._size = size
        self._start_score = start_score
        # As float32, like all scores, not a hair below it.
        self._starts = float(np.nextafter(np.float32(start_score), np.float32(1)))
        self._cheap_start_score = cheap_start_score
        self._rows: list[Row] = []

    def carry(self, before: Grey, after: Grey) -> None:
        """Move every box with the picture; what leaves it ends."""
        boxes = _boxes(self._rows)
        moved = np.array([row.moved for row in self._rows], np.float32).reshape(-1, 2)
        carried = carry(before, after, boxes, moved, self._size)
        steps = np.where(carried.sure[:, None], _middles(carried.boxes) - _middles(boxes), moved)
        visible = areas(clip(carried.boxes, self._size))
        inside = (visible >= MIN_VISIBLE_SHARE * areas(carried.boxes)) & (visible >= 1)
        self._rows = [
            replace(row, box=box, moved=step, sure=bool(sure))
            for row, box, step, sure, stays in zip(self._rows, carried.boxes, steps, carried.sure, inside, strict=True)
            if stays
        ]

    def compare(self, cheap: Detections) -> None:
        """Take in what the cheap detector sees in the same picture."""
        scores = np.minimum(cheap.scores * (self._start_score / self._cheap_start_score), 1.0)
        visible = clip(_boxes(self._rows), self._size)
        pairs = match(visible, cheap.boxes)
        rows = []
        for index, row in enumerate(self._rows):
            if index in pairs:
                box = _between(row, visible[index], cheap.boxes[pairs[index]])
                rows.append(self._seen(replace(row, box=box, sure=True), float(scores[pairs[index]])))
            elif row.standing is not Standing.NEW:
                rows.append(row)
        fresh = np.ones(len(cheap), np.bool_)
        fresh[list(pairs.values())] = False
        fresh &= ~known(cheap.boxes, clip(_boxes(rows), self._size))
        for index in np.flatnonzero(fresh).tolist():
            rows.append(_row(cheap.boxes[index], float(scores[index]), cheap.labels[index], Standing.NEW))
        self._rows = rows

    def _seen(self, row: Row, score: float) -> Row:
        """A row that the cheap detector has seen with a score."""
        if row.standing is Standing.NEW:
            return replace(row, score=max(row.score, score))
        if score < self._start_score or row.standing is Standing.DENIED:
            return row
        if row.score >= LIKELY_IF_SEEN * self._start_score:
            return replace(row, score=max(row.score, self._starts))
        # Only now can it be seen well: another key frame has to say.
        return row if row.disputed else replace(row, standing=Standing.NEW, score=score)

    def settle(self, key: Detections, cheap: Detections) -> None:
        """Begin anew from a key frame; what the cheap detector alone is sure of in it is remembered as denied."""
        steps = match(key.boxes, clip(_boxes(self._rows), self._size))
        still = np.zeros(2, np.float32)
        sure = cheap.boxes[cheap.scores >= self._cheap_start_score]
        disputed = known(key.boxes, sure)
        rows = []
        for index, (box, score, label) in enumerate(zip(key.boxes, key.scores.tolist(), key.labels, strict=True)):
            lifted = max(score, self._starts) if score >= LIKELY * self._start_score else score
            moved = self._rows[steps[index]].moved if index in steps else still
            rows.append(Row(box, lifted, label, Standing.CONFIRMED, moved, disputed=bool(disputed[index])))
        ghosts = ~known(cheap.boxes, key.boxes) & (cheap.scores >= self._cheap_start_score)
        for index in np.flatnonzero(ghosts).tolist():
            rows.append(_row(cheap.boxes[index], 0.0, cheap.labels[index], Standing.DENIED))
        self._rows = rows

    @property
    def new(self) -> int:
        """How many boxes that no key frame has judged are likely vehicles: the detector is sure, or they move."""
        return sum(
            row.standing is Standing.NEW and (row.score >= self._start_score or _moves(row)) for row in self._rows
        )

    @property
    def unsure(self) -> int:
        """How many confirmed boxes may have lost their vehicle."""
        return sum(row.standing is Standing.CONFIRMED and not row.sure for row in self._rows)

    def shown(self) -> Detections:
        """The vehicles: all but what was denied."""
        rows = [row for row in self._rows if row.standing is not Standing.DENIED]
        boxes = clip(_boxes(rows), self._size)
        return Detections.of(boxes, [row.score for row in rows], tuple(row.label for row in rows))


def match(left: Boxes, right: Boxes) -> dict[int, int]:
    """Which box of the one (N, 4) is which of the other (M, 4): each at most once, the largest overlap first."""
    overlaps = iou(left, right)
    pairs: dict[int, int] = {}
    for flat in np.argsort(-overlaps, axis=None, kind="stable"):
        one, other = divmod(int(flat), len(right))
        if overlaps[one, other] < SAME_IOU:
            break
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return pairs


def known(boxes: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """(N,) whether each box is one of the others, or for the most part within one."""
    if len(boxes) == 0 or len(others) == 0:
        return np.zeros(len(boxes), np.bool_)
    share = intersections(boxes, others) / np.maximum(areas(boxes), 1e-6)[:, None]
    return np.asarray(((iou(boxes, others) >= SAME_IOU) | (share >= PART_SHARE)).any(axis=1), np.bool_)


def _row(box: NDArray[np.float32], score: float, label: str, standing: Standing) -> Row:
    return Row(box, score, label, standing, np.zeros(2, np.float32))


def _moves(row: Row) -> bool:
    sides = row.box[2:] - row.box[:2]
    return bool(row.sure and np.hypot(*row.moved) >= MOVING_SHARE * sides.min())


def _between(row: Row, carried: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box of a row that was carried to one place and is seen at another."""
    weight = CHEAP_WEIGHT if row.sure and row.standing is not Standing.NEW else 1.0
    return np.asarray((1 - weight) * carried + weight * seen, np.float32)


def _boxes(rows: list[Row]) -> Boxes:
    return np.array([row.box for row in rows], np.float32).reshape(-1, 4)


def _middles(boxes: Boxes) -> NDArray[np.float32]:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)
