"""`python -m tests.bench.tracking`: tracking in one camera (tests/bench/tracks), and the real clips for other benches.

Detections of every frame are made once and kept in runs/bench; tracking and scoring them takes seconds.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes, Detections
from detect.ssd import CROSSROAD_1016, SsdDetector
from detect.tracking import Tracker
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.frame_sampler import FrameSampler
from ingest.video import RecordedVideo
from training.scoring.tracking import TrackScores, score_tracks
from training.scoring.tracks import CameraTracks, TrackedBoxes
from training.scoring.truth import read_mot

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data"))
WEIGHTS = (
    Path(os.environ.get("CORRIDOR_WEIGHTS", DATA / "weights")) / "person-vehicle-bike-detection-crossroad-1016.xml"
)
CACHE = ROOT / "runs" / "bench"
CLIPS = ("jamcam_06514", "jamcam_03604")
CLASSES = {"cars, trucks, buses, vans": frozenset({1, 2, 3, 5}), "motorbikes too": frozenset({1, 2, 3, 4, 5})}
"""The detector hardly finds motorbikes; as the published figures of these clips do, the target leaves them out."""
KEPT_SCORE = 0.05
"""Detections below it are not kept."""

Follow = Callable[["Clip", list[int]], TrackedBoxes]
"""Tracks a clip on some of its frames (counted from 0)."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A clip's detections on every frame, and when it was captured."""

    name: str
    size: tuple[int, int]
    times_ns: list[int]
    boxes: list[Boxes]
    scores: list[NDArray[np.float32]]

    def found(self, index: int, min_score: float) -> Detections:
        found = Detections.of(self.boxes[index], self.scores[index])
        return found.select(self.scores[index] >= min_score)


def load_clip(name: str) -> Clip:
    """The clip's detections, from the cache where the same network has seen the same file."""
    video = DATA / "video" / f"{name}.mp4"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (video, WEIGHTS, WEIGHTS.with_suffix(".bin"))))
    cached = CACHE / f"detections-{name}-{digest.hexdigest()[:12]}.npz"
    if not cached.exists():
        _detect(video, name, cached)
    with np.load(cached) as stored:
        of_frame = [stored["frames"] == index for index in range(len(stored["times_ns"]))]
        boxes = [stored["boxes"][rows] for rows in of_frame]
        scores = [stored["scores"][rows] for rows in of_frame]
        width, height = stored["size"].tolist()
        return Clip(name, (width, height), stored["times_ns"].tolist(), boxes, scores)


def _detect(video: Path, name: str, cached: Path) -> None:
    detector = SsdDetector(WEIGHTS, CROSSROAD_1016, min_score=KEPT_SCORE)
    seen = [(frame.captured_ns, frame.size, detector(frame)) for frame in RecordedVideo(video, name).frames()]
    cached.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        cached,
        times_ns=np.array([at_ns for at_ns, _, _ in seen], np.int64),
        size=np.array(seen[0][1], np.int64),
        frames=np.repeat(np.arange(len(seen)), [len(found) for _, _, found in seen]),
        boxes=np.concatenate([found.boxes for _, _, found in seen]),
        scores=np.concatenate([found.scores for _, _, found in seen]),
    )


def analysed(times_ns: list[int], rate_fps: float) -> list[int]:
    """The frames that a camera's feed hands on at a rate, counted from 0."""
    sampler = FrameSampler(rate_fps)
    return [index for index, at_ns in enumerate(times_ns) if sampler.accept(at_ns)]


def follow_ours(clip: Clip, frames: list[int]) -> TrackedBoxes:
    """The tracker of the system, as it is wired."""
    tracker = Tracker()
    blank_image = np.zeros((clip.size[1], clip.size[0], 3), np.uint8)
    rows = []
    for index in frames:
        frame = Frame(clip.name, index, clip.times_ns[index], ClockQuality.FILE, blank_image)
        tracked = tracker(frame, clip.found(index, CROSSROAD_1016.min_score))
        rows += _rows(index, tracked.track_ids.tolist(), tracked.boxes)
    return TrackedBoxes.of(rows)


def _rows(index: int, ids: list[int], boxes: NDArray[np.number]) -> list[tuple[int, int, float, float, float, float]]:
    sides = boxes.astype(np.float64).reshape(-1, 4).tolist()
    return [
        (index + 1, each, left, top, right, bottom) for each, (left, top, right, bottom) in zip(ids, sides, strict=True)
    ]


def scores(clips: list[Clip], rate_fps: float, follow: Follow, classes: frozenset[int]) -> list[TrackScores]:
    """By clip, on the frames that are analysed at a rate."""
    scored = []
    for clip in clips:
        frames = analysed(clip.times_ns, rate_fps)
        counted, ignored = read_mot(DATA / "video" / "gt_mot" / f"{clip.name}.gt.txt").split(classes)
        numbers, times_s = np.array(frames) + 1, np.array(clip.times_ns)[frames] / NS
        camera = CameraTracks.of(clip.name, numbers, times_s, counted, follow(clip, frames), ignored)
        scored.append(score_tracks([camera]))
    return scored


def main() -> None:
    """The tables of tests/bench/tracks."""
    # It imports this module's folders.
    from tests.bench.tracks.report import main as report

    report()


if __name__ == "__main__":
    main()
