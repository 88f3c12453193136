"""Motion of tracks within a frame: a Kalman filter of constant velocity for every side of every box at once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes

Floats = NDArray[np.float64]

MEASURED = 0.05
"""Deviation of a detected box's centre and sides, as a share of its sides (BoT-SORT, Aharon et al. 2022)."""
DRIFT = 0.3
"""Deviation of a centre and sides that grows in a second, as a share of the sides."""
SPEED_DRIFT = 1.0
"""Deviation of a speed that grows in a second, sides a second."""
FIRST_SPEED = 1.5
"""Deviation of the unknown speed of a track that begins, sides a second."""
SLOWING_S = 1.0
"""Time constant with which the speed of a track that is not seen is forgotten."""


@dataclass(slots=True, eq=False)
class TrackMotion:
    """Motion of N tracks. A row of each is centre x, centre y, width, height.

    at, speed (N, 4) pixels, pixels a second; var_at, var_both, var_speed (N, 4): their variances and covariance.
    The coordinates do not depend on one another, so a filter is three numbers a coordinate instead of a matrix.
    """

    at: Floats
    speed: Floats
    var_at: Floats
    var_both: Floats
    var_speed: Floats

    @classmethod
    def none(cls) -> Self:
        """The motion of no track."""
        return cls(*(np.empty((0, 4)) for _ in range(5)))

    @classmethod
    def begin(cls, boxes: Boxes) -> Self:
        """Motion of tracks that begin with (N, 4) boxes: their speeds are not known."""
        at = _centred(boxes)
        sides = _sides(at)
        speed_deviation = FIRST_SPEED * sides * np.array([1, 1, 0.2, 0.2])
        return cls(at, np.zeros_like(at), (2 * MEASURED * sides) ** 2, np.zeros_like(at), speed_deviation**2)

    def joined(self, other: "TrackMotion") -> "TrackMotion":
        """Motion of these tracks and of others behind them."""
        columns = zip(self._columns(), other._columns(), strict=True)
        return TrackMotion(*(np.concatenate(pair) for pair in columns))

    def select(self, rows: NDArray[np.bool_]) -> "TrackMotion":
        """Motion of some of the tracks."""
        return TrackMotion(*(each[rows] for each in self._columns()))

    def predict(self, passed_s: float, unseen: NDArray[np.bool_]) -> None:
        """Go on by a time; the tracks (N,) that were not seen of late lose their speed little by little."""
        if passed_s <= 0 or not len(self.at):
            return
        sides = _sides(self.at)
        self.speed[unseen] *= np.exp(-passed_s / SLOWING_S)
        self.at += self.speed * passed_s
        self.at[:, 2:] = np.maximum(self.at[:, 2:], 1.0)
        self.var_at += 2 * passed_s * self.var_both + passed_s**2 * self.var_speed + passed_s * (DRIFT * sides) ** 2
        self.var_both += passed_s * self.var_speed
        self.var_speed += passed_s * (SPEED_DRIFT * sides * np.array([1, 1, 0.2, 0.2])) ** 2

    def correct(self, rows: NDArray[np.int64], boxes: Boxes) -> None:
        """Take in the boxes (K, 4) that were detected of the tracks of K rows."""
        seen = _centred(boxes)
        noise = (MEASURED * _sides(self.at[rows])) ** 2
        total = self.var_at[rows] + noise
        gain, speed_gain = self.var_at[rows] / total, self.var_both[rows] / total
        off = seen - self.at[rows]
        self.at[rows] += gain * off
        self.speed[rows] += speed_gain * off
        self.var_speed[rows] -= speed_gain * self.var_both[rows]
        self.var_both[rows] *= 1 - gain
        self.var_at[rows] *= 1 - gain

    @property
    def boxes(self) -> Boxes:
        """(N, 4) float32 boxes xyxy where the tracks should be."""
        half = self.at[:, 2:] / 2
        return np.asarray(np.hstack([self.at[:, :2] - half, self.at[:, :2] + half]), np.float32)

    @property
    def pace(self) -> Floats:
        """(N,) speed of the centre, sides (the mean of width and height) a second."""
        return np.asarray(np.hypot(self.speed[:, 0], self.speed[:, 1]) / self.at[:, 2:].mean(axis=1))

    def _columns(self) -> tuple[Floats, ...]:
        return self.at, self.speed, self.var_at, self.var_both, self.var_speed


def _centred(boxes: Boxes) -> Floats:
    """(N, 4) centre x, centre y, width, height of boxes xyxy."""
    wide = boxes.astype(np.float64).reshape(-1, 4)
    sides = np.maximum(wide[:, 2:] - wide[:, :2], 1.0)
    return np.hstack([(wide[:, :2] + wide[:, 2:]) / 2, sides])


def _sides(at: Floats) -> Floats:
    """(N, 4) width, height, width, height: what noise is a share of."""
    return np.hstack([at[:, 2:], at[:, 2:]])
