"""What a teacher sees in the frames, kept in a file that grows by a line a frame, so that nothing is asked twice."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import msgspec
import numpy as np

from detect.detections import Detections
from detect.detector import BatchDetector
from ingest.errors import ConfigError
from training.distil.footage import Kept, Tell
from training.encoder.checkpoint import write_atomically

TOGETHER = 8
"""Frames that a teacher is given at once, at most one of each camera."""

FEWEST = 8
"""Examples that a label needs; those of a rarer one are passed over."""

LEARN_UNTIL, CHOOSE_UNTIL = 0.6, 0.7
"""Shares of each camera's time: learned from; then what scores are chosen on; the rest is held out."""


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A detector, which says what is there, and is believed from the score `sure` on.

    What it finds with less is neither a vehicle nor none: it is passed over in training and in the report.
    """

    name: str
    detector: BatchDetector
    sure: float


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A frame, and what the teacher sees in it."""

    kept: Kept
    found: Detections
    size: tuple[int, int]
    """Width and height of the frame in pixels."""


class _Line(msgspec.Struct, frozen=True):
    frame: str
    size: tuple[int, int]
    boxes: list[tuple[float, float, float, float]]
    scores: list[float]
    labels: list[str]


def label(
    frames: Sequence[Kept], teacher: Teacher, path: Path, tell: Tell, stopped: Callable[[], bool]
) -> list[Labelled] | None:
    """What the teacher sees in every frame; None if it was stopped before all were done.

    Raises ConfigError where the file cannot be read or written.
    """
    known = _read(path)
    ahead = [kept for kept in frames if kept.name not in known]
    done = len(frames) - len(ahead)
    tell(done, len(frames))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for batch in _batches(ahead):
                if stopped():
                    return None
                pictures = [kept.frame() for kept in batch]
                for kept, picture, found in zip(batch, pictures, teacher.detector(pictures), strict=True):
                    known[kept.name] = _line(kept, picture.size, found)
                    file.write(msgspec.json.encode(known[kept.name]) + b"\n")
                file.flush()
                done += len(batch)
                tell(done, len(frames))
    except OSError as error:
        raise ConfigError(f"labels cannot be kept in {path}: {error.strerror} (is the disk full?)") from error
    return [_labelled(kept, known[kept.name]) for kept in frames]


def _batches(frames: Sequence[Kept]) -> Iterator[tuple[Kept, ...]]:
    """The first frames of all cameras, then the second ones, and so on."""
    cameras: dict[str, list[Kept]] = {}
    for kept in frames:
        cameras.setdefault(kept.camera_id, []).append(kept)
    for row in zip_longest(*cameras.values()):
        together = [kept for kept in row if kept is not None]
        for start in range(0, len(together), TOGETHER):
            yield tuple(together[start : start + TOGETHER])


def _read(path: Path) -> dict[str, _Line]:
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise ConfigError(f"cannot read the labels {path}: {error.strerror}") from error
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):  # what a process wrote while it was killed
        write_atomically(path, whole)
    try:
        lines = [msgspec.json.decode(line, type=_Line) for line in whole.splitlines()]
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} has a line that is no label: {error} (delete the file to label anew)") from error
    return {line.frame: line for line in lines}


def _line(kept: Kept, size: tuple[int, int], found: Detections) -> _Line:
    boxes = [tuple(round(side, 2) for side in box) for box in found.boxes.tolist()]
    scores = [round(score, 4) for score in found.scores.tolist()]
    return _Line(kept.name, size, boxes, scores, list(found.labels))


def _labelled(kept: Kept, line: _Line) -> Labelled:
    found = Detections.of(np.array(line.boxes, np.float32), np.array(line.scores, np.float32), tuple(line.labels))
    return Labelled(kept, found, line.size)


@dataclass(frozen=True, slots=True)
class Parts:
    """The frames of all cameras, by each camera's own time: to learn from, to choose scores on, and held out."""

    learn: list[Labelled]
    choose: list[Labelled]
    held: list[Labelled]

    @classmethod
    def of(cls, frames: Sequence[Labelled]) -> "Parts":
        parts: tuple[list[Labelled], ...] = ([], [], [])
        times_ns: dict[str, list[int]] = {}
        for each in frames:
            times_ns.setdefault(each.kept.camera_id, []).append(each.kept.captured_ns)
        spans_ns = {camera_id: (min(times), max(times)) for camera_id, times in times_ns.items()}
        for each in frames:
            first_ns, last_ns = spans_ns[each.kept.camera_id]
            share = (each.kept.captured_ns - first_ns) / max(last_ns - first_ns, 1)
            parts[int(share >= LEARN_UNTIL) + int(share >= CHOOSE_UNTIL)].append(each)
        return cls(*parts)


def common_labels(frames: Sequence[Labelled], sure: float) -> tuple[tuple[str, ...], dict[str, int]]:
    """The labels with enough boxes to be learned, most frequent first, and the counts of those with too few."""
    counts = Counter(
        name
        for each in frames
        for name, score in zip(each.found.labels, each.found.scores, strict=True)
        if score >= sure
    )
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(name for name in order if counts[name] >= FEWEST), {n: counts[n] for n in order if counts[n] < FEWEST}
