"""A detector's mistakes without the detector: misses, inexact boxes and boxes on nothing, as measured on the city.

The numbers are those of crossroad-1016 at .3 on 336 rendered frames of seven daylight cameras, eight a second, with
2,500 true boxes; `python -m tests.bench.city.noise` measures them anew. Misses are those of some vehicles for seconds
rather than of all now and then, so few vehicles stand behind each number; the last two rows of MISSED are measured
together.
"""

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes, Detections

HEIGHTS_PX = (40.0,)
"""Edges of the columns of MISSED."""
VISIBLE = (0.4, 0.7, 0.95)
"""Edges of the rows of MISSED and BOX_SIGMA."""
MISSED = (
    (0.58, 0.29),
    (0.19, 0.10),
    (0.14, 0.01),
    (0.14, 0.01),
)
"""Share of the vehicles that are not found: by how much of them is visible (from little to all), and by height."""
BOX_SIGMA = (0.10, 0.11, 0.09, 0.05)
"""Deviation of a side of a found box, as a share of the box, by how much is visible."""
BOX_BIAS = (-0.02, -0.01, 0.04, 0.03)
"""Mean error of left, top, right and bottom, as shares of the box; positive to the right and down."""
MISS_MEMORY = 0.97
BOX_MEMORY = 0.85
"""Correlation of a box's errors between neighbouring analysed frames (8 a second)."""
FALSE_A_MINUTE = 0.5
"""Boxes on nothing that begin in a camera in a minute."""
FALSE_STAYS_S = 3.0
"""Mean stay of such a box: not measured; with it the boxes are as many as measured, .024 a frame."""
SCORE = 0.9
NOBODY = "-"
"""The label of a box on nothing; others have their vehicle's id."""

_QUANTILES = [[NormalDist().inv_cdf(share) for share in row] for row in MISSED]


@dataclass(slots=True, eq=False)
class _Memory:
    """Lasting part of one vehicle's errors; (5,) standard normal: one for missing it, four for the sides."""

    values: NDArray[np.float64]
    frame: int


@dataclass(slots=True, eq=False)
class _False:
    box: NDArray[np.float32]
    until_frame: float


@dataclass(slots=True, eq=False)
class NoisyDetector:
    """Tells the true boxes of one camera's frames with a detector's mistakes; frames come in order.

    `size` of the frames, width and height; `fps` of the analysed frames.
    """

    size: tuple[int, int]
    fps: float
    rng: np.random.Generator
    _memory: dict[int, _Memory] = field(default_factory=dict)
    _false: list[_False] = field(default_factory=list)

    def __call__(self, frame: int, vehicles: list[int], boxes: Boxes, visible: NDArray[np.float32]) -> Detections:
        """Boxes of frame number `frame`, labelled with whose they are; all arguments by vehicle."""
        boxes_xyxy, labels = [], []
        for vehicle, box, share in zip(vehicles, boxes, visible.tolist(), strict=True):
            errors = self._errors(vehicle, frame)
            row, column = np.searchsorted(VISIBLE, share), np.searchsorted(HEIGHTS_PX, box[3] - box[1])
            if errors[0] < _QUANTILES[int(row)][int(column)]:
                continue
            off = np.array(BOX_BIAS) + BOX_SIGMA[int(row)] * errors[1:]
            boxes_xyxy.append(self._within(box + off * np.tile(box[2:] - box[:2], 2)))
            labels.append(str(vehicle))
        for each in self._nothings(frame):
            boxes_xyxy.append(each)
            labels.append(NOBODY)
        sides = np.array(boxes_xyxy, np.float32).reshape(-1, 4)
        large = np.asarray((sides[:, 2:] - sides[:, :2]).min(1, initial=np.inf) > 2, np.bool_)
        found = Detections.of(sides, np.full(len(sides), SCORE, np.float32), labels=tuple(labels))
        return found.select(large)

    def _errors(self, vehicle: int, frame: int) -> NDArray[np.float64]:
        fresh = self.rng.standard_normal(5)
        before = self._memory.get(vehicle)
        if before is not None:
            keep = np.array([MISS_MEMORY, *[BOX_MEMORY] * 4]) ** max(1, frame - before.frame)
            fresh = keep * before.values + np.sqrt(1 - keep**2) * fresh
        self._memory[vehicle] = _Memory(fresh, frame)
        return fresh

    def _nothings(self, frame: int) -> list[NDArray[np.float32]]:
        self._false = [each for each in self._false if each.until_frame > frame]
        for _ in range(int(self.rng.poisson(FALSE_A_MINUTE / 60 / self.fps))):
            width, height = self.size
            sides = np.array([width, height]) * self.rng.uniform(0.04, 0.15, 2)
            corner = self.rng.uniform(0, np.array([width, height]) - sides)
            stays = float(self.rng.exponential(FALSE_STAYS_S * self.fps))
            self._false.append(_False(np.concatenate([corner, corner + sides]).astype(np.float32), frame + stays))
        return [each.box for each in self._false]

    def _within(self, box: NDArray[np.floating]) -> NDArray[np.float32]:
        width, height = self.size
        return np.asarray(np.clip(box, 0, (width, height, width, height)), np.float32)
