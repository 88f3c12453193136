"""Travel times between two views as densities over time, learned from soft counts.

Times are binned on a warped axis, u = asinh(t / 3 s) in steps of 0.05: bins are 0.15 s wide near zero and a twentieth
of the time far out, so that one table holds overlapping views and an hour's drive alike.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SCALE_S = 3.0
_FIRST = -5.0  # sinh(-5) * 3 s = -223 s: vehicles seen by a camera whose clock is that much ahead
_STEP = 0.05

TOGETHER_S = 5.0
"""Mean time after which a vehicle is seen by the second of two views that overlap."""

ELSEWHERE = 0.02
"""Share of a hand-given window that lies outside of it, so that the stream can correct it."""

_WIDTH_STEP = 0.05  # of the logarithm of a kernel's width: rows of one width are smoothed together
_FAR = 1.1  # the last bin lies beyond the horizon by this factor


class TimeBins:
    """The bins of travel times, up to a horizon in seconds.

    count: number of bins. centres_s, widths_s: (count,) float64 seconds.
    """

    def __init__(self, horizon_s: float) -> None:
        self.horizon_s = horizon_s
        self.count = int(np.ceil((np.arcsinh(_FAR * horizon_s / _SCALE_S) - _FIRST) / _STEP))
        self.centres_s = _SCALE_S * np.sinh(_FIRST + _STEP * (np.arange(self.count) + 0.5))
        self.widths_s = _STEP * np.sqrt(self.centres_s**2 + _SCALE_S**2)

    def of(self, times_s: Floats) -> Ints:
        """The bin (N,) of each time; those beyond either end go into the last one there."""
        places = (np.arcsinh(times_s / _SCALE_S) - _FIRST) / _STEP
        return np.clip(places.astype(np.int64), 0, self.count - 1)

    @property
    def edges_s(self) -> Floats:
        """(count + 1,) seconds: where bins begin, and the last one ends."""
        return np.asarray(_SCALE_S * np.sinh(_FIRST + _STEP * np.arange(self.count + 1)), np.float64)

    def density(self, weights: Floats) -> Floats:
        """(count,) values at the bins' centres as a density per second."""
        return np.asarray(weights / (weights * self.widths_s).sum(), np.float64)

    def reached(self, density: Floats) -> Floats:
        """(..., count) densities as the probability that the time is at most that of each bin."""
        return np.asarray(np.minimum(np.cumsum(density * self.widths_s, axis=-1), 1.0), np.float64)

    # Before anything was seen

    @cached_property
    def from_leaving(self) -> Floats:
        """Density of the time from leaving one view to entering another: a drive, an overlap, or anything."""
        return self.density(0.8 * self._drive + 0.05 * self._overlap + 0.15 * self._anything)

    @cached_property
    def from_entering(self) -> Floats:
        """Density of the time from entering one view to entering another: soon after, where they overlap, or any."""
        return self.density(0.85 * self._soon(TOGETHER_S, from_s=-0.1) + 0.15 * self._anything)

    @cached_property
    def within_a_view(self) -> Floats:
        """Density of the time between two fragments of one stay."""
        t = self.centres_s
        later = self.density(((t > -0.5) & (t < self.horizon_s)).astype(np.float64))
        return self.density(0.8 * self._soon(4.0, from_s=-0.5) + 0.2 * later)

    def window(self, low_s: float, high_s: float) -> Floats:
        """Density of a hand-given window: uniform from one time to another, with a little everywhere."""
        t, half = self.centres_s, self.widths_s / 2
        inside = np.clip((np.minimum(high_s, t + half) - np.maximum(low_s, t - half)) / self.widths_s, 0.0, 1.0)
        if not inside.any():
            return self._anything
        return self.density((1 - ELSEWHERE) * self.density(inside) + ELSEWHERE * self._anything)

    def within(self, density: Floats, low_s: float, high_s: float) -> Floats:
        """A density cut to the times between two limits."""
        t, half = self.centres_s, self.widths_s / 2
        cut = np.where((t + half > low_s) & (t - half < high_s), density, 0.0)
        return self.density(cut) if cut.any() else density

    def _soon(self, mean_s: float, *, from_s: float) -> Floats:
        """Density that falls off with such a mean; times a little below zero are as likely as none."""
        t = self.centres_s
        return self.density(np.where(t > from_s, np.exp(-np.maximum(t, 0) / mean_s), 0.0))

    @property
    def _drive(self) -> Floats:
        t = np.maximum(self.centres_s, 0.05)
        return self.density(np.where(self.centres_s > 0, np.exp(-0.5 * (np.log(t / 20) / 1.1) ** 2) / t, 0.0))

    @property
    def _overlap(self) -> Floats:
        return self.density(np.exp(-0.5 * (self.centres_s / 8) ** 2))

    @property
    def _anything(self) -> Floats:
        return self.density(((self.centres_s > -90) & (self.centres_s < self.horizon_s)).astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class TravelPriors:
    """Beliefs about the travel times between C cameras before anything was seen.

    densities: (2, T, B) from leaving and from entering the earlier view, of which the first is zero: no road. which:
    (C, C) the density of each pair. count: (C, C) links that it counts for. given: (C, C) where it was given by hand.
    """

    densities: Floats
    which: Ints
    count: Floats
    given: NDArray[np.bool_]

    @property
    def possible(self) -> NDArray[np.bool_]:
        """(C, C) True where a vehicle may go."""
        return np.asarray((self.densities[0].max(-1) > 0)[self.which], np.bool_)


def smooth(counts: Floats, bins: TimeBins) -> tuple[Floats, Floats]:
    """Kernel density estimate (N, count) per second of N rows of counts, and each row's kernel at its centre (N,).

    The kernel is Gaussian on the warped axis; its width follows Silverman's rule (1986, equation 3.30) on the middle
    half of the counts, between 1 and 10 bins in steps of a twentieth. Rows without counts give zeros.
    """
    densities, centres = np.zeros_like(counts), np.zeros(len(counts))
    rows = np.flatnonzero(counts.sum(-1) > 1e-3)
    total = counts[rows].sum(-1)
    reached = counts[rows].cumsum(-1) / total[:, None]
    middle = (reached < 0.75).sum(-1) - (reached < 0.25).sum(-1)
    width = 0.9 * np.maximum(middle / 1.34, 1.2) * np.maximum(total, 1.0) ** -0.2
    steps = np.rint(np.log(np.clip(width, 1.0, 10.0)) / _WIDTH_STEP)
    for step in np.unique(steps).tolist():
        some, deviation = rows[steps == step], np.exp(step * _WIDTH_STEP)
        reach = int(3 * deviation) + 1
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
        kernel /= kernel.sum()
        smoothed = correlate1d(counts[some], kernel, mode="constant")
        densities[some] = smoothed / np.maximum(smoothed.sum(-1), 1e-12)[:, None]
        centres[some] = kernel[reach]
    return densities / bins.widths_s, centres
