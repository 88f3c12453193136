"""`python -m tests.bench.tracking`: tracking in one camera on real clips, at the rates at which frames are analysed.

Detections of every frame are made once and kept in runs/bench; tracking and scoring them takes seconds.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import BoTSORTTracker

from detect.detections import Boxes, Detections
from detect.ssd import CROSSROAD_1016, SsdDetector
from detect.tracking import Tracker
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.frame_sampler import FrameSampler
from ingest.video import RecordedVideo
from tests.bench.measure import table
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
RATES = (25.0, 12.5, 8.0, 6.25, 3.0)
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


def follow_ours(rate_fps: float) -> Follow:
    """The tracker of the system, as it is wired."""

    def follow(clip: Clip, frames: list[int]) -> TrackedBoxes:
        tracker = Tracker(frame_rate=rate_fps)
        blank_image = np.zeros((clip.size[1], clip.size[0], 3), np.uint8)
        rows = []
        for index in frames:
            frame = Frame(clip.name, index, clip.times_ns[index], ClockQuality.FILE, blank_image)
            tracked = tracker(frame, clip.found(index, CROSSROAD_1016.min_score))
            rows += _rows(index, tracked.track_ids.tolist(), tracked.boxes)
        return TrackedBoxes.of(rows)

    return follow


def follow_default(clip: Clip, frames: list[int]) -> TrackedBoxes:
    """BoT-SORT as the library makes it: 30 frames a second and no timestamps (nor camera motion, without pictures)."""
    tracker = BoTSORTTracker()
    rows = []
    for index in frames:
        found = clip.found(index, CROSSROAD_1016.min_score)
        seen = sv.Detections(
            found.boxes.astype(np.float64), confidence=found.scores, class_id=np.zeros(len(found), int)
        )
        tracked = tracker.update(seen)
        assert tracked.tracker_id is not None
        known = tracked.tracker_id >= 0
        rows += _rows(index, tracked.tracker_id[known].tolist(), tracked.xyxy[known])
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
    """One table a choice of classes: IDF1 of each clip, and the means of both, ours and the library's default."""
    missing = [path for path in (WEIGHTS, *(DATA / "video" / f"{name}.mp4" for name in CLIPS)) if not path.exists()]
    if missing:
        print(f"skipped: there is no {missing[0]} (set CORRIDOR_DATA or CORRIDOR_WEIGHTS; tests/data/SOURCES.md)")
        return
    clips = [load_clip(name) for name in CLIPS]
    for title, classes in CLASSES.items():
        print(f"\nTracking in one camera, {title}:\n")
        _print(clips, classes)


def _print(clips: list[Clip], classes: frozenset[int]) -> None:
    rows = []
    for rate_fps in RATES:
        for name, follow in (("ours", follow_ours(rate_fps)), ("BoT-SORT's default", follow_default)):
            scored = scores(clips, rate_fps, follow, classes)
            means = [float(np.mean(column)) for column in zip(*((s.idf1, s.hota, s.mota) for s in scored), strict=True)]
            shares = [f"{value:.3f}" for value in (*(s.idf1 for s in scored), *means)]
            rows.append([f"{rate_fps:g}", name, *shares, str(sum(s.id_switches for s in scored))])
    table(["frames/s", "tracker", *(f"IDF1 {clip.name}" for clip in clips), "IDF1", "HOTA", "MOTA", "switches"], rows)


if __name__ == "__main__":
    main()
