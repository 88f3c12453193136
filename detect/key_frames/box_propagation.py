"""Box propagation: one camera's vehicles between two key frames of an expensive detector."""

from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip, intersections, iou
from detect.detections import Boxes, Detections
from detect.key_frames.median_flow import GrayImage, propagate_boxes

MATCH_IOU = 0.5
"""IoU from which two boxes are one vehicle."""
CONTAINED_SHARE = 0.6
"""A box of which this share lies in another one is explained by it."""
CHEAP_BOX_WEIGHT = 0.3
"""A propagated box is pulled this far towards the cheap detector's: against drift, not to its own idea of a box."""
MIN_VISIBLE_SHARE = 0.5
"""A propagated box of which less than this is in the frame has left it: what is seen in its rest is road."""
MIN_MOTION_SHARE = 0.05
"""Displacement from one frame to the next, as a share of the box's shorter side, from which a box moves."""
PROMOTE_RATIO, PROMOTE_RATIO_IF_SEEN = 0.7, 0.4
"""Promote ratios: shares of the start score from which a box is lifted to it. A score is one draw of many: of the
vehicles that have .7 of it on a key frame, seven in ten reach all of it on another frame, where the detector on every
frame would have started a track; where a cheap detector is sure of the vehicle as well, half of those with .4 do."""


class KeyFrameVerdict(Enum):
    """The last key frame's verdict on a box."""

    CONFIRMED = auto()
    UNVERIFIED = auto()  # nothing, or not enough: the cheap detector's, or seen well only since
    REJECTED = auto()  # the cheap detector's, and the expensive one saw no vehicle there


@dataclass(frozen=True, slots=True, eq=False)
class PropagatedBox:
    """One box: `box` (4,) float32 xyxy pixels, which may reach beyond the frame.

    `displacement_px`: (2,) float32 pixels since the frame before. `reliable`: whether it is still where the vehicle is.
    `disputed`: the expensive detector was unsure of it and the cheap one sure, in the same frame.
    """

    box: NDArray[np.float32]
    score: float
    label: str
    verdict: KeyFrameVerdict
    displacement_px: NDArray[np.float32]
    reliable: bool = True
    disputed: bool = False


class BoxPropagator:
    """The boxes of one camera: set by a key frame, propagated from frame to frame, updated with a cheap detector's.

    `size`: width and height of its frames in pixels. `start_score` and `cheap_start_score`: from which score on a
    detection of the expensive and of the cheap detector starts a track; all scores come out on the first one's scale.
    """

    def __init__(self, size: tuple[int, int], *, start_score: float, cheap_start_score: float) -> None:
        self._size = size
        self._start_score = start_score
        # As float32, like all scores, not a hair below it.
        self._promoted_score = float(np.nextafter(np.float32(start_score), np.float32(1)))
        self._cheap_start_score = cheap_start_score
        self._tracked: list[PropagatedBox] = []

    def propagate(self, before: GrayImage, after: GrayImage) -> None:
        """Propagate every box by median flow; a box that leaves the frame ends.

        `before`, `after`: grayscale of the last frame and of this one, as `to_grayscale` makes it.
        """
        # Step 1: each box in the new frame by median flow
        boxes = _boxes(self._tracked)
        displacement_px = np.array([each.displacement_px for each in self._tracked], np.float32).reshape(-1, 2)
        flow = propagate_boxes(before, after, boxes, displacement_px, self._size)
        # Step 2: the new displacement; a box that the flow lost keeps its old one
        steps = np.where(flow.reliable[:, None], _centres(flow.boxes) - _centres(boxes), displacement_px)
        # Step 3: drop boxes that have left the frame
        visible = areas(clip(flow.boxes, self._size))
        inside = (visible >= MIN_VISIBLE_SHARE * areas(flow.boxes)) & (visible >= 1)
        self._tracked = [
            replace(each, box=box, displacement_px=step, reliable=bool(reliable))
            for each, box, step, reliable, stays in zip(
                self._tracked, flow.boxes, steps, flow.reliable, inside, strict=True
            )
            if stays
        ]

    def update(self, cheap: Detections) -> None:
        """Update with the cheap detector's detections in the same frame."""
        # Step 1: the cheap scores on the expensive detector's scale
        scores = np.minimum(cheap.scores * (self._start_score / self._cheap_start_score), 1.0)
        # Step 2: greedy one-to-one matching of propagated boxes and detections
        visible = clip(_boxes(self._tracked), self._size)
        pairs = match_boxes(visible, cheap.boxes)
        # Step 3: blend and promote what is matched; what is not stays only with a key frame's verdict
        tracked = []
        for index, each in enumerate(self._tracked):
            if index in pairs:
                box = _blend(each, visible[index], cheap.boxes[pairs[index]])
                tracked.append(self._promote(replace(each, box=box, reliable=True), float(scores[pairs[index]])))
            elif each.verdict is not KeyFrameVerdict.UNVERIFIED:
                tracked.append(each)
        # Step 4: begin an unverified box for every detection that no box explains
        unmatched = np.ones(len(cheap), np.bool_)
        unmatched[list(pairs.values())] = False
        unmatched &= ~explained_by(cheap.boxes, clip(_boxes(tracked), self._size))
        for index in np.flatnonzero(unmatched).tolist():
            tracked.append(
                _still_box(cheap.boxes[index], float(scores[index]), cheap.labels[index], KeyFrameVerdict.UNVERIFIED)
            )
        self._tracked = tracked

    def _promote(self, each: PropagatedBox, score: float) -> PropagatedBox:
        """Promote a box that the cheap detector has seen with a score, where that is enough."""
        if each.verdict is KeyFrameVerdict.UNVERIFIED:
            return replace(each, score=max(each.score, score))
        if score < self._start_score or each.verdict is KeyFrameVerdict.REJECTED:
            return each
        if each.score >= PROMOTE_RATIO_IF_SEEN * self._start_score:
            return replace(each, score=max(each.score, self._promoted_score))
        # Only now can it be seen well: another key frame has to say.
        return each if each.disputed else replace(each, verdict=KeyFrameVerdict.UNVERIFIED, score=score)

    def reset(self, key: Detections, cheap: Detections) -> None:
        """Begin anew from a key frame; what the cheap detector alone is sure of in it is kept as rejected."""
        # Step 1: displacements of the propagated boxes, for the detections that they match
        steps = match_boxes(key.boxes, clip(_boxes(self._tracked), self._size))
        still = np.zeros(2, np.float32)
        # Step 2: the expensive detections as confirmed boxes, promoted where the score is near the start score
        sure = cheap.boxes[cheap.scores >= self._cheap_start_score]
        disputed = explained_by(key.boxes, sure)
        tracked = []
        for index, (box, score, label) in enumerate(zip(key.boxes, key.scores.tolist(), key.labels, strict=True)):
            promoted = max(score, self._promoted_score) if score >= PROMOTE_RATIO * self._start_score else score
            displacement_px = self._tracked[steps[index]].displacement_px if index in steps else still
            tracked.append(
                PropagatedBox(
                    box, promoted, label, KeyFrameVerdict.CONFIRMED, displacement_px, disputed=bool(disputed[index])
                )
            )
        # Step 3: the cheap detector's sure boxes without any of these as rejected, so that they are not asked for again
        rejected = ~explained_by(cheap.boxes, key.boxes) & (cheap.scores >= self._cheap_start_score)
        for index in np.flatnonzero(rejected).tolist():
            tracked.append(_still_box(cheap.boxes[index], 0.0, cheap.labels[index], KeyFrameVerdict.REJECTED))
        self._tracked = tracked

    @property
    def unverified_count(self) -> int:
        """Number of boxes without a verdict that are likely vehicles: the cheap detector is sure, or they move."""
        return sum(
            each.verdict is KeyFrameVerdict.UNVERIFIED and (each.score >= self._start_score or _is_moving(each))
            for each in self._tracked
        )

    @property
    def unreliable_count(self) -> int:
        """Number of confirmed boxes that may have lost their vehicle."""
        return sum(each.verdict is KeyFrameVerdict.CONFIRMED and not each.reliable for each in self._tracked)

    def detections(self) -> Detections:
        """Detections of the frame: all boxes but the rejected ones, clipped to it."""
        tracked = [each for each in self._tracked if each.verdict is not KeyFrameVerdict.REJECTED]
        boxes = clip(_boxes(tracked), self._size)
        return Detections.of(boxes, [each.score for each in tracked], tuple(each.label for each in tracked))


def match_boxes(left: Boxes, right: Boxes) -> dict[int, int]:
    """Greedy one-to-one matching of boxes (N, 4) with boxes (M, 4) by IoU, the largest first; rows by rows."""
    overlaps = iou(left, right)
    pairs: dict[int, int] = {}
    for flat in np.argsort(-overlaps, axis=None, kind="stable"):
        one, other = divmod(int(flat), len(right))
        if overlaps[one, other] < MATCH_IOU:
            break
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return pairs


def explained_by(boxes: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """(N,) bool, True for a box that is one of the others, or for the most part within one."""
    if len(boxes) == 0 or len(others) == 0:
        return np.zeros(len(boxes), np.bool_)
    share = intersections(boxes, others) / np.maximum(areas(boxes), 1e-6)[:, None]
    return np.asarray(((iou(boxes, others) >= MATCH_IOU) | (share >= CONTAINED_SHARE)).any(axis=1), np.bool_)


def _still_box(box: NDArray[np.float32], score: float, label: str, verdict: KeyFrameVerdict) -> PropagatedBox:
    return PropagatedBox(box, score, label, verdict, np.zeros(2, np.float32))


def _is_moving(each: PropagatedBox) -> bool:
    sides = each.box[2:] - each.box[:2]
    return bool(each.reliable and np.hypot(*each.displacement_px) >= MIN_MOTION_SHARE * sides.min())


def _blend(each: PropagatedBox, flow: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted mean of a propagated box and the cheap detector's."""
    weight = CHEAP_BOX_WEIGHT if each.reliable and each.verdict is not KeyFrameVerdict.UNVERIFIED else 1.0
    return np.asarray((1 - weight) * flow + weight * seen, np.float32)


def _boxes(tracked: list[PropagatedBox]) -> Boxes:
    return np.array([each.box for each in tracked], np.float32).reshape(-1, 4)


def _centres(boxes: Boxes) -> NDArray[np.float32]:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)
