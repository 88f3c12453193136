"""Key-frame budget: expensive detection on key frames only, propagated boxes in between."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import cv2
import numpy as np

from detect.detections import Detections
from detect.detector import Detector
from detect.key_frames.box_propagation import BoxPropagator
from detect.key_frames.median_flow import GrayImage, to_grayscale
from detect.key_frames.token_bucket import CAPACITY_CALLS, BusyShareBucket, CallRateBucket, TokenBucket
from detect.networks import START_SCORE
from ingest.clock import NS, Clock
from ingest.frame import Frame

logger = logging.getLogger(__name__)

MAX_GAP_S = 1.0
"""Longest gap between two frames of a camera over which boxes are propagated: after it nothing is where it was."""
THUMBNAIL_WIDTH_PX = 64
"""Width of the thumbnail that shows whether anything has changed since the last key frame."""
MIN_CHANGE = 12
"""Change of brightness (of 255) in a pixel of the thumbnail that is more than noise."""

Reason = Literal["first", "new", "unsure", "stale", "still"]
"""Reason for a key frame: at once, or (stale) when calls have been saved up, or (still) not at all."""

KEY_FRAME_REASONS: Final = ("first", "new", "unsure", "stale")

ExpensiveDetector = Callable[[Sequence[Frame]], Sequence[Detections | Exception]]
"""A `BatchDetector`, or one that gives an exception in the place of what it could not find."""


@dataclass(frozen=True, slots=True)
class BudgetCounts:
    """A camera's frames by outcome since the process began; every frame is in exactly one of these counts.

    Key frames by what asked for them: `first` (of the camera, or after a gap), `new` (something that no propagated box
    explains), `unsure` (a propagated box may have lost its vehicle), `stale` (the image has changed since).
    Frames that the expensive detector did not see: `still` (nothing has changed since the last key frame),
    `explained` (every vehicle is propagated, and the calls left are kept for what is urgent), `over_budget` (asked for,
    and nothing left), `failed` (it tried and could not).
    """

    first: int = 0
    new: int = 0
    unsure: int = 0
    stale: int = 0
    still: int = 0
    explained: int = 0
    over_budget: int = 0
    failed: int = 0

    @property
    def key_frames(self) -> int:
        """Number of frames that the expensive detector has seen."""
        return self.first + self.new + self.unsure + self.stale

    @property
    def frames(self) -> int:
        """Number of all frames."""
        return self.key_frames + self.still + self.explained + self.over_budget + self.failed


@dataclass(slots=True, eq=False)
class _CameraState:
    """One camera: its propagated boxes, its last frame and its last key frame."""

    propagator: BoxPropagator
    gray: GrayImage
    size: tuple[int, int]
    captured_ns: int
    key_ns: int | None = None
    key_thumbnail: GrayImage | None = None
    cheap: Detections = field(default_factory=Detections.none)  # of the present frame


class BudgetedDetector:
    """A `BatchDetector`: the expensive one is called at most once a call, with all key frames of that call.

    `max_calls_per_s`: key frames of each camera in a second of its own capture time. `max_gpu_share`: the share of the
    time on `clock` that the expensive detector may be busy, for all cameras together. Exactly one of the two is given;
    ValueError otherwise. `start_score` and `cheap_start_score`: from which score on a detection of the one and the
    other starts a track; what comes out is on the expensive detector's scale. The cheap detector sees every frame.
    Where the expensive one gives an exception in the place of detections, the boxes are propagated on.
    """

    def __init__(
        self,
        expensive: ExpensiveDetector,
        cheap: Detector,
        *,
        clock: Clock,
        max_calls_per_s: float | None = None,
        max_gpu_share: float | None = None,
        start_score: float = START_SCORE,
        cheap_start_score: float = START_SCORE,
    ) -> None:
        self._expensive = expensive
        self._cheap = cheap
        self._clock = clock
        self._bucket = _bucket(max_calls_per_s, max_gpu_share, clock)
        self._start_score = start_score
        self._cheap_start_score = cheap_start_score
        self._cameras: dict[str, _CameraState] = {}
        self._counts: dict[str, BudgetCounts] = {}

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detect in each frame, in order; masks only on key frames, where the expensive detector gives them."""
        # Step 1: propagate every camera's boxes and update them with the cheap detector
        cameras = [self._propagate(frame) for frame in frames]
        # Step 2: spend the budget on the most urgent frames
        outcomes = self._choose(frames, cameras)
        keys = [index for index, outcome in enumerate(outcomes) if outcome in KEY_FRAME_REASONS]
        # Step 3: the expensive detector on all key frames at once; each one resets its camera's boxes
        found: dict[int, Detections] = {}
        for index, key in zip(keys, self._detect([frames[index] for index in keys]), strict=True):
            if isinstance(key, Exception):
                outcomes[index] = self._failed(frames[index], key)
                continue
            found[index] = key
            cameras[index].propagator.reset(key, cameras[index].cheap)
            cameras[index].key_ns, cameras[index].key_thumbnail = (
                frames[index].captured_ns,
                _thumbnail(cameras[index].gray),
            )
        # Step 4: count every frame by its outcome
        for frame, outcome in zip(frames, outcomes, strict=True):
            counts = self.counts(frame.camera_id)
            self._counts[frame.camera_id] = replace(counts, **{outcome: getattr(counts, outcome) + 1})
        # Step 5: all boxes as detections, key frames with the masks that they came with
        detections = [camera.propagator.detections() for camera in cameras]
        return [
            replace(each, masks=found[index].masks) if index in found else each for index, each in enumerate(detections)
        ]

    def counts(self, camera_id: str) -> BudgetCounts:
        """A camera's frames by outcome; all zero for one that has not been seen."""
        return self._counts.get(camera_id, BudgetCounts())

    def _propagate(self, frame: Frame) -> _CameraState:
        """Propagate the camera's boxes to the frame and update them with the cheap detector."""
        gray = to_grayscale(frame.image)
        camera = self._cameras.get(frame.camera_id)
        if camera is None or not _continues(camera, frame):
            propagator = BoxPropagator(
                frame.size, start_score=self._start_score, cheap_start_score=self._cheap_start_score
            )
            camera = self._cameras[frame.camera_id] = _CameraState(propagator, gray, frame.size, frame.captured_ns)
        else:
            camera.propagator.propagate(camera.gray, gray)
        camera.gray, camera.captured_ns = gray, frame.captured_ns
        camera.cheap = self._cheap(frame)
        camera.propagator.update(camera.cheap)
        self._bucket.refill(frame.camera_id, frame.captured_ns)
        return camera

    def _choose(self, frames: Sequence[Frame], cameras: Sequence[_CameraState]) -> list[str]:
        """Choose the outcome of each frame: urgent ones first, then by the longest wait since a key frame.

        `over_budget` and `explained` are the outcomes of frames that get no call, urgent and stale; `still` asks for
        none. A stale frame gets one only from a full bucket, so that a call is left for what is urgent.
        """
        outcomes: list[str] = [_reason(camera) for camera in cameras]
        waited_ns = [math.inf if camera.key_ns is None else camera.captured_ns - camera.key_ns for camera in cameras]
        for index in sorted(range(len(frames)), key=lambda index: (outcomes[index] == "stale", -waited_ns[index])):
            camera_id, stale = frames[index].camera_id, outcomes[index] == "stale"
            if outcomes[index] == "still":
                continue
            if self._bucket.available(camera_id) >= (CAPACITY_CALLS if stale else 1.0):
                self._bucket.consume(camera_id)
            else:
                outcomes[index] = "explained" if stale else "over_budget"
        return outcomes

    def _detect(self, frames: Sequence[Frame]) -> Sequence[Detections | Exception]:
        """Run the expensive detector and record its cost."""
        if not frames:
            return []
        began_s = self._clock.monotonic_s()
        try:
            return self._expensive(frames)
        finally:
            self._bucket.record_cost(len(frames), self._clock.monotonic_s() - began_s)

    def _failed(self, frame: Frame, error: Exception) -> str:
        """Log a frame that the expensive detector could not look at, a warning once a camera; returns its outcome."""
        logger.log(
            logging.DEBUG if self.counts(frame.camera_id).failed else logging.WARNING,
            "camera '%s': the large detector could not look at frame %d (%dx%d), the cheap one goes on: %s: %s",
            frame.camera_id,
            frame.sequence,
            *frame.size,
            type(error).__name__,
            error,
        )
        return "failed"


def _bucket(max_calls_per_s: float | None, max_gpu_share: float | None, clock: Clock) -> TokenBucket:
    if max_calls_per_s is not None and max_gpu_share is None:
        return CallRateBucket(max_calls_per_s)
    if max_gpu_share is not None and max_calls_per_s is None:
        return BusyShareBucket(max_gpu_share, clock)
    raise ValueError(f"one of max_calls_per_s ({max_calls_per_s}) and max_gpu_share ({max_gpu_share}) is needed")


def _continues(camera: _CameraState, frame: Frame) -> bool:
    """Test for a frame to which boxes can be propagated: of the same size, and at most MAX_GAP_S after the last one."""
    gap_s = (frame.captured_ns - camera.captured_ns) / NS
    return 0 <= gap_s <= MAX_GAP_S and camera.size == frame.size


def _reason(camera: _CameraState) -> Reason:
    """Reason for a key frame, the most urgent one that holds."""
    if camera.key_thumbnail is None:
        return "first"
    if camera.propagator.unverified_count:
        return "new"
    if camera.propagator.unreliable_count:
        return "unsure"
    return "stale" if _changed(camera.key_thumbnail, _thumbnail(camera.gray)) else "still"


def _thumbnail(gray: GrayImage) -> GrayImage:
    """Shrink a grayscale image to a thumbnail that shows only changes that matter."""
    height, width = gray.shape
    size = (THUMBNAIL_WIDTH_PX, max(1, round(THUMBNAIL_WIDTH_PX * height / width)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _changed(before: GrayImage, after: GrayImage) -> bool:
    return bool((cv2.absdiff(before, after) > MIN_CHANGE).any())
