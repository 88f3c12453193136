"""A budget, not a firehose: an expensive detector looks at key frames only, and between them its boxes are carried."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import cv2
import numpy as np

from detect.detections import Detections
from detect.detector import Detector
from detect.key_frames.box_propagation import Between
from detect.key_frames.median_flow import Grey, grey
from detect.key_frames.token_bucket import DEPTH, Allowance, CallsPerSecond, ShareOfTime
from detect.networks import START_SCORE
from ingest.clock import NS, Clock
from ingest.frame import Frame

logger = logging.getLogger(__name__)

MAX_GAP_S = 1.0
"""Boxes are not carried over a longer gap between two frames of a camera: nothing in them is where it was."""
GLANCE_PX = 64
"""Width of the picture in which is seen whether anything has changed since the last key frame."""
CHANGE = 12
"""A change of brightness (of 255) in one of its pixels that is more than noise."""

Reason = Literal["first", "new", "unsure", "stale", "still"]
"""Why a frame should be a key frame: at once, or (stale) when calls have been saved up, or (still) not at all."""

KEY: Final = ("first", "new", "unsure", "stale")

Expensive = Callable[[Sequence[Frame]], Sequence[Detections | Exception]]
"""A `BatchDetector`, or one that gives an exception in the place of what it could not find."""


@dataclass(frozen=True, slots=True)
class BudgetCounts:
    """What became of a camera's frames since the process began; every frame is in exactly one of these counts.

    Key frames by what asked for them: `first` (of the camera, or after a gap), `new` (something that no carried box
    explains), `unsure` (a carried box may have lost its vehicle), `stale` (the picture has changed since the last one).
    Frames that the expensive detector did not see: `still` (nothing has changed since the last key frame),
    `explained` (every vehicle is carried, and the calls left are kept for what is urgent), `over_budget` (asked for,
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
        """Frames that the expensive detector has seen."""
        return self.first + self.new + self.unsure + self.stale

    @property
    def frames(self) -> int:
        """All frames."""
        return self.key_frames + self.still + self.explained + self.over_budget + self.failed


@dataclass(slots=True, eq=False)
class _View:
    """One camera."""

    between: Between
    picture: Grey
    size: tuple[int, int]
    captured_ns: int
    key_ns: int | None = None
    key_glance: Grey | None = None
    cheap: Detections = field(default_factory=Detections.none)  # of the present frame


class Budgeted:
    """A `BatchDetector`: the expensive one is called at most once a call, with all key frames of that call.

    `max_calls_per_s`: key frames of each camera in a second of its own capture time. `max_gpu_share`: the share of the
    time on `clock` that the expensive detector may be busy, for all cameras together. Exactly one of the two is given;
    ValueError otherwise. `start_score` and `cheap_start_score`: from which score on a detection of the one and the
    other starts a track; what comes out is on the expensive detector's scale. The cheap detector sees every frame.
    Where the expensive one gives an exception in the place of detections, the boxes are carried on.
    """

    def __init__(
        self,
        expensive: Expensive,
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
        self._allowance = _allowance(max_calls_per_s, max_gpu_share, clock)
        self._start_score = start_score
        self._cheap_start_score = cheap_start_score
        self._views: dict[str, _View] = {}
        self._counts: dict[str, BudgetCounts] = {}

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        """The vehicles in each frame, in order; masks only on key frames, where the expensive detector gives them."""
        views = [self._follow(frame) for frame in frames]
        outcomes = self._choose(frames, views)
        keys = [index for index, outcome in enumerate(outcomes) if outcome in KEY]
        found: dict[int, Detections] = {}
        for index, key in zip(keys, self._look([frames[index] for index in keys]), strict=True):
            if isinstance(key, Exception):
                outcomes[index] = self._failed(frames[index], key)
                continue
            found[index] = key
            views[index].between.settle(key, views[index].cheap)
            views[index].key_ns, views[index].key_glance = frames[index].captured_ns, _glance(views[index].picture)
        for frame, outcome in zip(frames, outcomes, strict=True):
            counts = self.counts(frame.camera_id)
            self._counts[frame.camera_id] = replace(counts, **{outcome: getattr(counts, outcome) + 1})
        shown = [view.between.shown() for view in views]
        return [replace(each, masks=found[index].masks) if index in found else each for index, each in enumerate(shown)]

    def counts(self, camera_id: str) -> BudgetCounts:
        """What became of a camera's frames; all zero for one that has not been seen."""
        return self._counts.get(camera_id, BudgetCounts())

    def _follow(self, frame: Frame) -> _View:
        """The camera of the frame, with what can be known of it without the expensive detector."""
        picture = grey(frame.image)
        view = self._views.get(frame.camera_id)
        if view is None or not _continues(view, frame):
            between = Between(frame.size, start_score=self._start_score, cheap_start_score=self._cheap_start_score)
            view = self._views[frame.camera_id] = _View(between, picture, frame.size, frame.captured_ns)
        else:
            view.between.carry(view.picture, picture)
        view.picture, view.captured_ns = picture, frame.captured_ns
        view.cheap = self._cheap(frame)
        view.between.compare(view.cheap)
        self._allowance.grow(frame.camera_id, frame.captured_ns)
        return view

    def _choose(self, frames: Sequence[Frame], views: Sequence[_View]) -> list[str]:
        """What is to become of each frame: what is urgent first, then whoever has waited longest."""
        outcomes: list[str] = [_asked(view) for view in views]
        waited_ns = [math.inf if view.key_ns is None else view.captured_ns - view.key_ns for view in views]
        for index in sorted(range(len(frames)), key=lambda index: (outcomes[index] == "stale", -waited_ns[index])):
            camera_id, stale = frames[index].camera_id, outcomes[index] == "stale"
            if outcomes[index] == "still":
                continue
            if self._allowance.left(camera_id) >= (DEPTH if stale else 1.0):
                self._allowance.spend(camera_id)
            else:
                outcomes[index] = "explained" if stale else "over_budget"
        return outcomes

    def _look(self, frames: Sequence[Frame]) -> Sequence[Detections | Exception]:
        """What the expensive detector sees, timed."""
        if not frames:
            return []
        began_s = self._clock.monotonic_s()
        try:
            return self._expensive(frames)
        finally:
            self._allowance.took(len(frames), self._clock.monotonic_s() - began_s)

    def _failed(self, frame: Frame, error: Exception) -> str:
        """The outcome of a frame that the expensive detector could not look at; said once a camera."""
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


def _allowance(max_calls_per_s: float | None, max_gpu_share: float | None, clock: Clock) -> Allowance:
    if max_calls_per_s is not None and max_gpu_share is None:
        return CallsPerSecond(max_calls_per_s)
    if max_gpu_share is not None and max_calls_per_s is None:
        return ShareOfTime(max_gpu_share, clock)
    raise ValueError(f"one of max_calls_per_s ({max_calls_per_s}) and max_gpu_share ({max_gpu_share}) is needed")


def _continues(view: _View, frame: Frame) -> bool:
    """Whether boxes can be carried from the camera's last picture to this one."""
    gap_s = (frame.captured_ns - view.captured_ns) / NS
    return 0 <= gap_s <= MAX_GAP_S and view.size == frame.size


def _asked(view: _View) -> Reason:
    """What a camera asks for."""
    if view.key_glance is None:
        return "first"
    if view.between.new:
        return "new"
    if view.between.unsure:
        return "unsure"
    return "stale" if _changed(view.key_glance, _glance(view.picture)) else "still"


def _glance(picture: Grey) -> Grey:
    """The picture at a size at which only what matters is seen."""
    height, width = picture.shape
    size = (GLANCE_PX, max(1, round(GLANCE_PX * height / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _changed(before: Grey, after: Grey) -> bool:
    return bool((cv2.absdiff(before, after) > CHANGE).any())
