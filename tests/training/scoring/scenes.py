"""Tracks whose scores can be worked out by hand."""

import numpy as np

from training.scoring.tracks import CameraTracks, TrackedBoxes

Row = tuple[int, int, float, float, float, float]


def rows(identity: int, frames: range | list[int], *, left: float = 0.0, width: float = 100.0) -> list[Row]:
    """A vehicle that stands still: a box of `width` x 100 pixels at `left`."""
    return [(frame, identity, left, 0.0, left + width, 100.0) for frame in frames]


def camera(
    truth: list[Row],
    run: list[Row],
    *,
    frames: int = 10,
    name: str = "north",
    begins_s: float = 0.0,
    ignored: list[Row] | None = None,
) -> CameraTracks:
    """One frame a second from `begins_s` on."""
    numbers = np.arange(1, frames + 1)
    times_s = begins_s + numbers.astype(np.float64) - 1
    boxes = [TrackedBoxes.of(each) for each in (truth, run, ignored or [])]
    return CameraTracks.of(name, numbers, times_s, *boxes)


def crowd(seed: int, *, frames: int = 60, vehicles: int = 8) -> CameraTracks:
    """Vehicles that drive, and a run that misses some, shifts all, switches ids and invents boxes."""
    rng = np.random.default_rng(seed)
    truth, run = [], []
    for vehicle in range(1, vehicles + 1):
        top, speed = 60.0 * vehicle, rng.uniform(2, 6)
        first, last = sorted(rng.choice(frames, 2, replace=False).tolist())
        switch = rng.integers(first, last + 1)
        for frame in range(first, last + 1):
            left = speed * frame
            truth.append((frame + 1, vehicle, left, top, left + 60, top + 50))
            if rng.random() < 0.8:
                box = np.array([left, top, left + 60, top + 50]) + rng.normal(0, 5, 4)
                run.append((frame + 1, vehicle + (100 if frame >= switch else 0), *box.tolist()))
            if rng.random() < 0.1:
                run.append((frame + 1, 500 + vehicle, left + 20, top + 25, left + 90, top + 80))
    return camera(truth, run, frames=frames)
