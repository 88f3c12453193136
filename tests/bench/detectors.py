"""`python -m tests.bench.detectors`: what each detector costs, and how well vehicles are followed with it.

The detectors take turns on the same frames in the same run: those that a camera's feed hands on of two real clips.
"""

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.site.wiring import tracker_maker
from deploy.weights import catalogue
from detect.detections import Boxes, Detections
from detect.detector import Detector
from detect.motion import MotionDetector
from detect.networks import NETWORKS
from detect.registry import open_network
from detect.settings import DetectSettings
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.video import RecordedVideo
from tests.bench.measure import table
from tests.bench.tracking import CLASSES, CLIPS, DATA, Clip, Follow, analysed, scores
from training.scoring.tracks import TrackedBoxes

RATE_FPS = 8.0
COUNTED = "cars, trucks, buses, vans"


@dataclass(slots=True, eq=False)
class Subject:
    """A detector under measurement: what it found in each clip, and how long each frame took."""

    name: str
    detector: Detector
    ms: list[float] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)


def weights_of(name: str) -> Path:
    """Where the main file of a network lies: in CORRIDOR_WEIGHTS, or among the shared data."""
    folder = Path(os.environ.get(catalogue.FOLDER_VARIABLE, DATA / "weights"))
    return folder / catalogue.load_catalogue().network(name).published.files[0].name


def subjects() -> list[Subject]:
    """Motion, and every network whose weights are there."""
    found = [Subject("motion", MotionDetector(masks=False))]
    for name in NETWORKS:
        path = weights_of(name)
        if path.exists():
            found.append(Subject(name, open_network(name, path)))
        else:
            print(f"{name} was left out: there is no {path} (corridor weights pull {name})")
    return found


def look(running: list[Subject], clip: str) -> None:
    """Let every detector find the vehicles in the analysed frames of a clip; each frame starts with another one."""
    frames = list(RecordedVideo(DATA / "video" / f"{clip}.mp4", clip).frames())
    times_ns = [frame.captured_ns for frame in frames]
    seen: dict[str, dict[int, Detections]] = {subject.name: {} for subject in running}
    for turn, index in enumerate(analysed(times_ns, RATE_FPS)):
        first = turn % len(running)
        for subject in running[first:] + running[:first]:
            began_s = time.perf_counter()
            seen[subject.name][index] = subject.detector(frames[index])
            subject.ms.append(1000 * (time.perf_counter() - began_s))
    nothing = Detections.none()
    for subject in running:
        found = [seen[subject.name].get(index, nothing) for index in range(len(frames))]
        boxes: list[Boxes] = [each.boxes for each in found]
        sure: list[NDArray[np.float32]] = [each.scores for each in found]
        subject.clips.append(Clip(clip, frames[0].size, times_ns, boxes, sure))


def follow_with(name: str) -> Follow:
    """The tracker that the system is wired with for a detector."""
    settings = DetectSettings(detector=name, analyse_fps=RATE_FPS)

    def follow(clip: Clip, frames: list[int]) -> TrackedBoxes:
        tracker = tracker_maker(settings)()
        blank_image = np.zeros((clip.size[1], clip.size[0], 3), np.uint8)
        rows = []
        for index in frames:
            frame = Frame(clip.name, index, clip.times_ns[index], ClockQuality.FILE, blank_image)
            tracked = tracker(frame, clip.found(index, 0.0))
            for each, box in zip(tracked.track_ids.tolist(), tracked.boxes.astype(np.float64).tolist(), strict=True):
                left, top, right, bottom = box
                rows.append((index + 1, each, left, top, right, bottom))
        return TrackedBoxes.of(rows)

    return follow


def row(subject: Subject) -> list[str]:
    """One line of the table."""
    scored = scores(subject.clips, RATE_FPS, follow_with(subject.name), CLASSES[COUNTED])
    ms = statistics.median(subject.ms)
    idf1 = [each.idf1 for each in scored]
    shares = [
        *idf1,
        *(float(np.mean(column)) for column in (idf1, [s.recall for s in scored], [s.precision for s in scored])),
    ]
    return [subject.name, f"{ms:.1f}", *(f"{share:.3f}" for share in shares), f"{1000 / (ms * RATE_FPS):.0f}"]


def main() -> None:
    """One row a detector; recall and precision are those of the tracked boxes."""
    missing = [path for path in (DATA / "video" / f"{name}.mp4" for name in CLIPS) if not path.exists()]
    if missing:
        print(f"skipped: there is no {missing[0]} (set CORRIDOR_DATA; tests/data/SOURCES.md)")
        return
    running = subjects()
    warm_up_image = np.full((288, 352, 3), 114, np.uint8)
    for subject in running:
        for index in range(3):
            subject.detector(Frame("warm up", index, index * NS, ClockQuality.FILE, warm_up_image))
    for clip in CLIPS:
        look(running, clip)
    print(
        f"{len(running[0].ms)} frames of two clips at {RATE_FPS:g} frames/s, {COUNTED}; {os.cpu_count()} cores, all of "
        f"which a network uses; cameras = 1000 / (ms a frame x {RATE_FPS:g}), detection alone\n"
    )
    clips = [f"IDF1 {name}" for name in CLIPS]
    header = ["detector", "ms/frame, median", *clips, "IDF1", "recall at IoU .5", "precision at IoU .5", "cameras"]
    table(header, [row(subject) for subject in running])


if __name__ == "__main__":
    main()
