"""Tracks to compare: boxes with ids on the frames of a camera, true ones and those of a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, intersections, iou
from detect.detections import Boxes

Ints = NDArray[np.int64]
MIN_IOU = 0.5
"""A run box can stand for a true one from this intersection over union on."""
VISIT_GAP_S = 10.0
"""A vehicle that a camera does not see for longer than this comes back as another sighting."""
EXCUSED_SHARE = 0.5
"""A run box of which this share lies in one ignored true box is neither right nor wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedBoxes:
    """N boxes of one camera: `frames` (N,) int64 from 1, `ids` (N,) int64, `boxes` (N, 4) float32 xyxy pixels.

    Raises ValueError for columns of different length, and for a box that is not finite.
    """

    frames: Ints
    ids: Ints
    boxes: Boxes

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.frames), 4) or len(self.ids) != len(self.frames):
            raise ValueError(
                f"columns of different length: {len(self.frames)} frames, {len(self.ids)} ids, boxes {self.boxes.shape}"
            )
        if not np.isfinite(self.boxes).all():
            raise ValueError(f"{int((~np.isfinite(self.boxes)).any(axis=1).sum())} boxes are not finite")

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, float, float, float, float]]) -> Self:
        """Build from rows of frame, id and the box's left, top, right, bottom."""
        # Frames and ids apart from the sides: as floating point they would merge beyond 2**53.
        whole = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
        return cls(whole[:, 0], whole[:, 1], np.array([row[2:] for row in rows], np.float32).reshape(-1, 4))

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, keep: NDArray[np.bool_]) -> Self:
        """The rows of a boolean mask (N,)."""
        return replace(self, frames=self.frames[keep], ids=self.ids[keep], boxes=self.boxes[keep])

    def renamed(self, name_of: Mapping[int, int]) -> Self:
        """The same boxes under other ids; raises KeyError for an id that is not named."""
        return replace(self, ids=np.array([name_of[each] for each in self.ids.tolist()], np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class CameraTracks:
    """One camera: what was there and what a run says, on the frames that are scored.

    frames: (F,) int64, rising: the frames that the run looked at; times_s: (F,) float64, when they were captured, on
    a clock that all cameras share. Boxes on other frames are dropped here. ignored: true boxes that need not be found:
    a run box that covers no vehicle in `truth` (IoU) but lies in an ignored box (share) is dropped as well.
    """

    camera: str
    frames: Ints
    times_s: NDArray[np.float64]
    truth: TrackedBoxes
    run: TrackedBoxes
    ignored: TrackedBoxes

    @classmethod
    def of(
        cls,
        camera: str,
        frames: Ints,
        times_s: NDArray[np.float64],
        truth: TrackedBoxes,
        run: TrackedBoxes,
        ignored: TrackedBoxes | None = None,
    ) -> Self:
        """Restrict everything to the scored frames and drop the run's excused boxes."""
        if len(frames) != len(times_s) or (np.diff(frames) <= 0).any():
            raise ValueError(f"camera '{camera}': {len(frames)} frames, not rising or not one time each")
        ignored = TrackedBoxes.of([]) if ignored is None else ignored
        truth, run, ignored = (each.select(np.isin(each.frames, frames)) for each in (truth, run, ignored))
        return cls(camera, frames, times_s, truth, run.select(~_excused(run, truth, ignored)), ignored)

    def time_s(self, frame: int) -> float:
        """Capture time of a scored frame, in seconds."""
        return float(self.times_s[np.searchsorted(self.frames, frame)])

    def pairs(self) -> Iterator[tuple[Ints, Ints, NDArray[np.float32]]]:
        """Pairs of each scored frame with a box: rows of the T true and of the R run boxes, and their IoU (T, R)."""
        true_rows, run_rows = _rows_by_frame(self.truth, self.frames), _rows_by_frame(self.run, self.frames)
        for true_at, run_at in zip(true_rows, run_rows, strict=True):
            if len(true_at) or len(run_at):
                yield true_at, run_at, iou(self.truth.boxes[true_at], self.run.boxes[run_at])


def _rows_by_frame(tracks: TrackedBoxes, frames: Ints) -> list[Ints]:
    """Rows of the boxes of each of the rising frames, in their order."""
    order = np.argsort(tracks.frames, kind="stable")
    starts = np.searchsorted(tracks.frames[order], frames, "left")
    ends = np.searchsorted(tracks.frames[order], frames, "right")
    return [order[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _excused(run: TrackedBoxes, truth: TrackedBoxes, ignored: TrackedBoxes) -> NDArray[np.bool_]:
    """Boxes (N,) of a run, True where they lie in an ignored box and on no true one."""
    excused = np.zeros(len(run), np.bool_)
    for frame in np.unique(ignored.frames).tolist():
        rows = np.flatnonzero(run.frames == frame)
        boxes = run.boxes[rows]
        shared = intersections(boxes, ignored.boxes[ignored.frames == frame])
        inside = (shared >= EXCUSED_SHARE * np.maximum(areas(boxes), 1e-6)[:, None]).any(axis=1)
        matches = (iou(boxes, truth.boxes[truth.frames == frame]) >= MIN_IOU).any(axis=1)
        excused[rows] = inside & ~matches
    return excused
