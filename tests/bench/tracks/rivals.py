"""Trackers on the same detections: ours, and those of the library `trackers` as it makes them."""

from collections.abc import Callable

import numpy as np
import supervision as sv
from trackers import BoTSORTTracker, ByteTrackTracker, SORTTracker

from detect.tracking import Tracker
from ingest.frame import ClockQuality, Frame
from tests.bench.tracks.sources import View
from training.scoring.tracks import TrackedBoxes

Follow = Callable[[View, list[int]], TrackedBoxes]
"""Tracks a view on some of its frames (counted from 0)."""

Row = tuple[int, int, float, float, float, float]


def ours(make: Callable[[], Tracker], min_score: float) -> Follow:
    """The tracker of the system, on detections from a score on."""

    def follow(view: View, frames: list[int]) -> TrackedBoxes:
        tracker = make()
        blank = np.broadcast_to(np.uint8(0), (view.size[1], view.size[0], 3))
        rows: list[Row] = []
        for index in frames:
            frame = Frame(view.name, index, view.times_ns[index], ClockQuality.FILE, blank)
            tracked = tracker(frame, view.found(index, min_score))
            rows += _rows(index, tracked.track_ids.tolist(), tracked.boxes)
        return TrackedBoxes.of(rows)

    return follow


LIBRARY: dict[str, Callable[[], BoTSORTTracker | ByteTrackTracker | SORTTracker]] = {
    "BoT-SORT": BoTSORTTracker,
    "ByteTrack": ByteTrackTracker,
    "SORT": SORTTracker,
}


def of_library(name: str, min_score: float) -> Follow:
    """A tracker of the library with its defaults: 30 frames a second, no timestamps, no images."""

    def follow(view: View, frames: list[int]) -> TrackedBoxes:
        tracker = LIBRARY[name]()
        rows: list[Row] = []
        for index in frames:
            found = view.found(index, min_score)
            seen = sv.Detections(
                found.boxes.astype(np.float64), confidence=found.scores, class_id=np.zeros(len(found), int)
            )
            tracked = tracker.update(seen)
            if tracked.tracker_id is not None and len(tracked):
                known = tracked.tracker_id >= 0
                rows += _rows(index, tracked.tracker_id[known].tolist(), tracked.xyxy[known])
        return TrackedBoxes.of(rows)

    return follow


def _rows(index: int, ids: list[int], boxes: np.ndarray) -> list[Row]:
    sides = boxes.astype(np.float64).reshape(-1, 4).tolist()
    return [
        (index + 1, each, left, top, right, bottom) for each, (left, top, right, bottom) in zip(ids, sides, strict=True)
    ]
