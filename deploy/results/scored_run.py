"""A logged run in the form that can be scored: boxes by frame of the truth, and the frames that were analysed."""

import logging
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.observations import read_messages
from embed.observation import Observation, Tick
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.open_camera import start_ns
from training.scoring import timing
from training.scoring.tracks import CameraTracks, Ints, TrackedBoxes
from training.scoring.truth import MotTruth

logger = logging.getLogger(__name__)

MAX_OFFSET_FRAMES = 0.1
"""Times that are off the truth's frames by this much (median, in frames) are those of another frame rate."""
MEDIA_TIME_NS = 86_400 * NS
"""Capture times below a day are media time, which begins at 0."""


@dataclass(slots=True)
class CameraLog:
    """The records of one camera on a log: boxes (capture time in ns, tracklet, xyxy pixels) and ticks, in order."""

    boxes: list[tuple[int, int, float, float, float, float]] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A log by camera, a number for every tracklet id, and by number its last observation, without path."""

    cameras: dict[str, CameraLog]
    tracklets: dict[str, int]
    latest: dict[int, Observation]

    @property
    def ends_ns(self) -> dict[int, int]:
        """Time when each tracklet was seen last, nanoseconds, by its number."""
        return {number: observation.last_ns for number, observation in self.latest.items()}


def read_run(log: Log, undecoded: Undecoded | None = None) -> LoggedRun:
    """Read every observation and tick of a log; `undecoded` as for `decoded`."""
    run = LoggedRun(defaultdict(CameraLog), {}, {})
    for message in read_messages(log, undecoded):
        if isinstance(message, Tick):
            run.cameras[message.camera].ticks.append(message)
        if not isinstance(message, Observation):
            continue
        number = run.tracklets.setdefault(message.tracklet, len(run.tracklets))
        run.latest[number] = msgspec.structs.replace(message, path=[])
        for at in message.path:
            # Sides are tenths of a pixel; a moment's microseconds were cut, not rounded, so half of one is added.
            sides = (at.left / 10, at.top / 10, at.right / 10, at.bottom / 10)
            run.cameras[message.camera].boxes.append((message.first_ns + at.offset_us * 1000 + 500, number, *sides))
    return run


def first_frame_ns(camera_log: CameraLog) -> int:
    """Capture time of frame 1: media time begins at 0, and a run with the first frame."""
    first_ns = min(tick.at_ns for tick in camera_log.ticks)
    return 0 if first_ns < MEDIA_TIME_NS else first_ns


def frame_times_ns_of(
    camera: str, truth: MotTruth, camera_log: CameraLog, starts_ns: int, fps: float | None, videos: Mapping[str, Path]
) -> Ints:
    """(F,) capture times of a camera's frames, as far as the run goes, by their rate or their recording."""
    if fps is None:
        return _video_times_ns(camera, starts_ns, videos)
    ticks_ns = [tick.at_ns for tick in camera_log.ticks]
    first, last = ((at_ns - starts_ns) / NS * fps for at_ns in (min(ticks_ns), max(ticks_ns)))
    last_frame = truth.last_frame
    if first <= -1 or (last_frame is not None and first >= last_frame):
        ends = "is empty" if last_frame is None else f"ends {(last_frame - 1) / fps:.3f} s after it"
        raise ConfigError(
            f"camera '{camera}': the run begins {first / fps:.3f} s after frame 1, the truth {ends}; say with "
            "--starts-at when frame 1 was captured"
        )
    return timing.frame_times_ns(math.ceil(last) + 2, fps, starts_ns)


def _video_times_ns(camera: str, starts_ns: int, videos: Mapping[str, Path]) -> Ints:
    if camera not in videos:
        raise ConfigError(f"--video: nothing for camera '{camera}' (there is {', '.join(sorted(videos)) or 'none'})")
    from ingest.video import RecordedVideo

    source = RecordedVideo(videos[camera], camera, starts_ns=starts_ns)
    frames = [(frame.sequence, frame.captured_ns - starts_ns) for frame in source.frames()]
    if len(frames) < 2:
        raise ConfigError(f"camera '{camera}': {videos[camera]} has {len(frames)} frames")
    numbers, media_ns = np.array(frames, np.int64).T
    # A frame that was left out has a number in the truth all the same; no run looked at it, so its time is only to
    # keep the others' numbers.
    before_ns = media_ns[0] - np.arange(numbers[0], 0, -1) * (media_ns[1] - media_ns[0])
    after_ns = np.interp(np.arange(numbers[0], numbers[-1] + 1), numbers, media_ns).round().astype(np.int64)
    return starts_ns + np.concatenate([before_ns, after_ns])


@dataclass(frozen=True, slots=True)
class TruthTiming:
    """When the frames that a truth numbers were captured, by camera: their times, else their rates, else their videos.

    starts_at: when frame 1 was captured; None where the run, or the times, began.
    """

    times: Mapping[str, Ints] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    videos: Mapping[str, Path] = field(default_factory=dict)
    starts_at: datetime | None = None


def tracks_of(
    run: LoggedRun, truths: Mapping[str, MotTruth], timed: TruthTiming, classes: frozenset[int] | None
) -> list[CameraTracks]:
    """The boxes of every camera with truth and those of the run, as `camera_tracks`; the run must know the cameras."""
    cameras = []
    for camera, truth in truths.items():
        of_camera = run.cameras[camera]
        if camera in timed.times:
            first_ns = int(timed.times[camera][0])
            times_ns = timed.times[camera] + (start_ns(timed.starts_at, otherwise_ns=first_ns) - first_ns)
        else:
            starts_ns = start_ns(timed.starts_at, otherwise_ns=first_frame_ns(of_camera))
            times_ns = frame_times_ns_of(camera, truth, of_camera, starts_ns, timed.rates.get(camera), timed.videos)
        cameras.append(camera_tracks(camera, truth, classes, of_camera, times_ns))
    return cameras


def camera_tracks(
    camera: str, truth: MotTruth, classes: frozenset[int] | None, camera_log: CameraLog, times_ns: Ints
) -> CameraTracks:
    """The boxes of a camera and those of the run, on the frames that the run analysed and the truth covers.

    An empty truth covers them all. What is not compared because the other side ends before is warned of; raises
    ConfigError where the two have no frame in common.
    """
    at_ns = np.array([box[0] for box in camera_log.boxes], np.int64)
    ticks_ns = np.array([tick.at_ns for tick in camera_log.ticks], np.int64)
    frames, off_box = timing.nearest_frames(at_ns, times_ns)
    tick_frames, off_tick = timing.nearest_frames(ticks_ns, times_ns)
    off = float(np.median(np.concatenate([off_box, off_tick])))
    if off > MAX_OFFSET_FRAMES:
        raise ConfigError(
            f"camera '{camera}': the run's times are {off:.2f} frames off the truth's (median); "
            "is that the frame rate, and did frame 1 come where --starts-at says?"
        )
    ticks = [
        timing.FrameCount(str(tick.epoch), frame, tick.analysed)
        for tick, frame in zip(camera_log.ticks, tick_frames.tolist(), strict=True)
    ]
    analysed = timing.analysed_frames(frames, ticks)
    run = TrackedBoxes.of([(frame, *box[1:]) for frame, box in zip(frames.tolist(), camera_log.boxes, strict=True)])
    if truth.last_frame is not None:
        _say_beyond(camera, truth, run, analysed)
        analysed = analysed[analysed <= truth.last_frame]
    counted, ignored = truth.split(classes)
    return CameraTracks.of(camera, analysed, times_ns[analysed - 1] / NS, counted, run, ignored)


def _say_beyond(camera: str, truth: MotTruth, run: TrackedBoxes, analysed: Ints) -> None:
    """Warn of boxes before the other side begins or after it ends; raises ConfigError where that is all of them."""
    first, last, begins, ends = int(truth.frames.min()), int(truth.frames.max()), int(analysed[0]), int(analysed[-1])
    both = f"camera '{camera}': the truth is of frames {first} to {last}, the run analysed {begins} to {ends}"
    if begins > last or first > ends:
        raise ConfigError(
            f"{both}: nothing can be compared (is that the frame rate, and did frame 1 come where --starts-at says?)"
        )
    step = float(np.median(np.diff(analysed))) if len(analysed) > 1 else 1.0  # nobody looks between two frames
    beyond = int(((truth.frames <= begins - step) | (truth.frames >= ends + step)).sum())
    if beyond:
        logger.warning("%s: %d of %d true boxes are beyond it and not scored", both, beyond, len(truth.frames))
    after = int((run.frames > last).sum())
    if after:
        logger.warning("%s: %d boxes of the run come after the truth and are not scored", both, after)
