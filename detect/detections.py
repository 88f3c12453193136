"""The vehicles found in one frame, as columns."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""(N, 4) float32, xyxy in pixels of the frame."""

UNTRACKED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N vehicles of one frame.

    `boxes` (N, 4) float32 xyxy pixels; `scores` (N,) float32 in [0, 1]; `labels` N class names; `masks` (N, H, W)
    bool or None where the detector has none; `track_ids` (N,) int64, UNTRACKED until a tracker has seen them.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    labels: tuple[str, ...]
    track_ids: NDArray[np.int64]
    masks: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        lengths = {len(self.scores), len(self.labels), len(self.track_ids)}
        if self.masks is not None:
            lengths.add(len(self.masks))
        if self.boxes.shape != (count, 4) or lengths != {count}:
            raise ValueError(f"columns of different length: boxes {self.boxes.shape}, others {sorted(lengths)}")

    @classmethod
    def of(
        cls,
        boxes: NDArray[np.floating] | list[list[float]],
        scores: NDArray[np.floating] | list[float] | None = None,
        labels: tuple[str, ...] | str = "vehicle",
        masks: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Untracked detections; a single label stands for all, missing scores for certainty."""
        columns = np.asarray(boxes, np.float32).reshape(-1, 4)
        count = len(columns)
        return cls(
            boxes=columns,
            scores=np.ones(count, np.float32) if scores is None else np.asarray(scores, np.float32),
            labels=(labels,) * count if isinstance(labels, str) else labels,
            track_ids=np.full(count, UNTRACKED, np.int64),
            masks=masks,
        )

    @classmethod
    def none(cls) -> Self:
        """Detections of a frame without any vehicle."""
        return cls.of(np.empty((0, 4), np.float32))

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, index: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Select the rows of a boolean mask, or those of row numbers in their order."""
        rows = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            labels=tuple(self.labels[row] for row in rows),
            track_ids=self.track_ids[rows],
            masks=None if self.masks is None else self.masks[rows],
        )
