"""Capture times of a recording's frames, as a text file: `frame,captured_ns`, one frame a line."""

import csv
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from training.scoring.tracks import Ints

COLUMNS = ("frame", "captured_ns")
MOST_FRAMES = 10**8
"""46 days at 25 a second; a number beyond is a mistake, and its frames would not fit into memory."""


def read_frame_times(path: Path) -> Ints:
    """(F,) int64: capture times of frames 1 to F on the camera's own clock; raises ConfigError with the bad line.

    Frames that the file leaves out (an outage) are put evenly between their neighbours, those before its first at its
    first interval.
    """
    frames: list[int] = []
    times_ns: list[int] = []
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the frame times {path}: {error}") from error
    for number, cells in enumerate(csv.reader(lines), start=1):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            frame, at_ns = (int(cell) for cell in cells)
        except ValueError:
            raise ConfigError(f"{path}, line {number}: expected {','.join(COLUMNS)}, whole numbers") from None
        if frame > MOST_FRAMES or abs(at_ns) >= 2**63:
            raise ConfigError(f"{path}, line {number}: no recording has frame {frame} at {at_ns} ns")
        if frames and (frame <= frames[-1] or at_ns <= times_ns[-1]):
            raise ConfigError(f"{path}, line {number}: frames and times must rise")
        frames.append(frame)
        times_ns.append(at_ns)
    if len(frames) < 2 or frames[0] < 1:
        raise ConfigError(f"{path} holds {len(frames)} frames (expected at least two, counted from 1)")
    step_ns = (times_ns[1] - times_ns[0]) // (frames[1] - frames[0])
    before = [times_ns[0] - (frames[0] - frame) * step_ns for frame in range(1, frames[0])]
    # Whole nanoseconds since 1970 do not fit float64: interpolate what has passed since the first frame.
    passed_ns = np.interp(np.arange(frames[0], frames[-1] + 1), frames, np.array(times_ns) - times_ns[0])
    return np.concatenate([np.array(before, np.int64), times_ns[0] + np.round(passed_ns).astype(np.int64)])
