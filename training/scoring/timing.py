"""Frames of a recording that a run looked at, from the times that it states."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.clock import NS
from training.scoring.tracks import Ints


@dataclass(frozen=True, slots=True)
class FrameCount:
    """A moment at which a run had analysed `analysed` frames since its `epoch` began, that frame included."""

    epoch: str
    frame: int
    analysed: int


def frame_times_ns(count: int, fps: float, starts_ns: int) -> Ints:
    """(count,) int64: when the frames of a recording at a constant rate are captured."""
    return starts_ns + np.round(np.arange(count) * (NS / fps)).astype(np.int64)


def nearest_frames(at_ns: Ints, times_ns: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """Frame numbers from 1 whose times are nearest, and how far off they are in frames.

    at_ns: (N,) moments; times_ns: (F,) rising times of the recording's frames, at least two.
    """
    place = np.clip(np.searchsorted(times_ns, at_ns), 1, len(times_ns) - 1)
    earlier = at_ns - times_ns[place - 1] < times_ns[place] - at_ns
    nearest = place - earlier
    step_ns = float(np.median(np.diff(times_ns)))
    return nearest + 1, np.abs(at_ns - times_ns[nearest]) / step_ns


def analysed_frames(seen: Ints, counts: Sequence[FrameCount]) -> Ints:
    """Rising numbers of all frames that were analysed, also those on which nothing was tracked.

    A run's log has only the frames with a tracked vehicle (`seen`) and, at each tick, how many frames there were. Where
    fewer were seen than counted between two ticks, the missing ones are put where an even beat would have them and
    nothing was seen near.
    """
    known = np.union1d(seen, np.array([count.frame for count in counts], np.int64))
    frames = set(known.tolist())
    for before, after in pairwise(counts):
        count = after.analysed - before.analysed
        if before.epoch != after.epoch or count < 1:
            continue
        here = known[np.searchsorted(known, before.frame) : np.searchsorted(known, after.frame)]
        even_frames = np.round(np.linspace(before.frame, after.frame, count, endpoint=False)).astype(np.int64)
        far = np.abs(even_frames[:, None] - here[None, :]).min(axis=1)
        missing = max(0, count - len(here))
        frames |= set(even_frames[np.argsort(-far, kind="stable")[:missing]].tolist())
    return np.array(sorted(frames), np.int64)
