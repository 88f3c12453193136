"""One track at two moments: real pairs of the shared clips, whose vehicles no training has had identities of."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from embed.crops import cut_crop
from ingest.frame import Frame
from ingest.video import RecordedVideo
from tests.bench.city.crops_set import Shot
from tests.bench.gantries.cuts import HUMAN, clip_path, rate_fps, whole_truth
from training.scoring.tracks import TrackedBoxes

SOURCES = {
    "jamcam_06514": "jamcam",
    "jamcam_03604": "jamcam",
    "jamcam_08926": "jamcam",
    "highway_960x540": "highway",
    "overhead_640x360": "overhead",
    "carpark_768x432": "carpark",
}
"""Clips, and the camera or kind of camera that each is of."""
MOMENTS = (0.2, 0.8)
"""Shares of a track at which it is looked at."""
APART_S = 1.0
LEAST_PX = 24.0
"""Least length of the longer side of a box."""
MOST_OVERLAP = 0.3
"""Most intersection over union of both boxes: what stands still gives the same image twice."""

Moment = tuple[int, int, NDArray[np.float32]]
"""Track, frame counted from 1, box."""


@cache
def track_pairs() -> tuple[list[Shot], list[Shot]]:
    """Every moving track early and late, in the same order; `kind` is the source."""
    early: list[Shot] = []
    late: list[Shot] = []
    for clip, source in SOURCES.items():
        chosen = list(_moments(clip))
        wanted = {frame for pair in chosen for _, frame, _ in pair}
        frames = {
            number: frame
            for number, frame in enumerate(RecordedVideo(clip_path(clip), clip).frames(), 1)
            if number in wanted
        }
        for pair in chosen:
            for (track, frame, box), side in zip(pair, (early, late), strict=True):
                side.append(_shot(frames[frame], box, f"{clip} {track}", source))
    return early, late


def _moments(clip: str) -> Iterator[tuple[Moment, Moment]]:
    tracks = whole_truth(clip, "human" if clip in HUMAN else "tracker")[0]
    size = np.array(next(iter(RecordedVideo(clip_path(clip), clip).frames())).size)
    for track in np.unique(tracks.ids).tolist():
        mine = _usable(tracks.select(tracks.ids == track), size)
        if len(mine) < 2:
            continue
        order = np.argsort(mine.frames)
        one, two = (int(order[round(share * (len(order) - 1))]) for share in MOMENTS)
        apart_s = (mine.frames[two] - mine.frames[one]) / rate_fps(clip)
        if apart_s >= APART_S and overlap(mine.boxes[one], mine.boxes[two]) <= MOST_OVERLAP:
            yield (
                (track, int(mine.frames[one]), mine.boxes[one]),
                (track, int(mine.frames[two]), mine.boxes[two]),
            )


def _usable(track: TrackedBoxes, size: NDArray[np.int64]) -> TrackedBoxes:
    """The boxes of a track that are large enough and not at the frame's edge."""
    sides = track.boxes[:, 2:] - track.boxes[:, :2]
    inside = (track.boxes[:, :2] > 1).all(axis=1) & (track.boxes[:, 2:] < size - 1).all(axis=1)
    return track.select(inside & (sides.max(axis=1) >= LEAST_PX))


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes xyxy."""
    sides = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    shared = float(sides.prod())
    return shared / (float((one[2:] - one[:2]).prod()) + float((other[2:] - other[:2]).prod()) - shared)


def _shot(frame: Frame, box: NDArray[np.float32], identity: str, source: str) -> Shot:
    crop = cut_crop(frame, Detections.of(np.asarray(box, np.float32)[None]), 0, 1.0)
    assert crop is not None, "it is inside the frame, and not small"
    return Shot(crop.image, identity, source, source, crop.box_xyxy, np.zeros(crop.image.shape[:2], np.bool_))
