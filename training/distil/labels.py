"""Labels: a teacher's detections, in a file that grows by a line a frame, so that nothing is detected twice."""

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
from training.distil.footage import OnProgress, RecordedFrame
from training.encoder.checkpoint import write_atomically

TEACHER_BATCH = 8
"""Frames that a teacher is given at once, at most one of each camera."""

MIN_EXAMPLES = 8
"""Examples that a label needs; those of a rarer one are passed over."""

TRAIN_UNTIL, VALIDATION_UNTIL = 0.6, 0.7
"""Shares of each camera's time: learned from; then what scores are chosen on; the rest is held out."""


@dataclass(frozen=True, slots=True, eq=False)
class TeacherDetector:
    """A detector, which says what is there, and is believed from the score `sure` on.

    What it finds with less is neither a vehicle nor none: it is passed over in training and in the report.
    """

    name: str
    detector: BatchDetector
    sure: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """A frame, and what the teacher sees in it."""

    recorded: RecordedFrame
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
    frames: Sequence[RecordedFrame],
    teacher: TeacherDetector,
    path: Path,
    on_progress: OnProgress,
    stopped: Callable[[], bool],
) -> list[LabelledFrame] | None:
    """Detect the vehicles of every frame with the teacher; None if stopped before all were done.

    Raises ConfigError where the file cannot be read or written.
    """
    known = _read(path)
    ahead = [recorded for recorded in frames if recorded.name not in known]
    done = len(frames) - len(ahead)
    on_progress(done, len(frames))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for batch in _batches(ahead):
                if stopped():
                    return None
                batch_frames = [recorded.frame() for recorded in batch]
                for recorded, frame, found in zip(batch, batch_frames, teacher.detector(batch_frames), strict=True):
                    known[recorded.name] = _line(recorded, frame.size, found)
                    file.write(msgspec.json.encode(known[recorded.name]) + b"\n")
                file.flush()
                done += len(batch)
                on_progress(done, len(frames))
    except OSError as error:
        raise ConfigError(f"labels cannot be kept in {path}: {error.strerror} (is the disk full?)") from error
    return [_labelled(recorded, known[recorded.name]) for recorded in frames]


def _batches(frames: Sequence[RecordedFrame]) -> Iterator[tuple[RecordedFrame, ...]]:
    """The first frames of all cameras, then the second ones, and so on."""
    cameras: dict[str, list[RecordedFrame]] = {}
    for recorded in frames:
        cameras.setdefault(recorded.camera_id, []).append(recorded)
    for row in zip_longest(*cameras.values()):
        together = [recorded for recorded in row if recorded is not None]
        for start in range(0, len(together), TEACHER_BATCH):
            yield tuple(together[start : start + TEACHER_BATCH])


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


def _line(recorded: RecordedFrame, size: tuple[int, int], found: Detections) -> _Line:
    boxes = [tuple(round(side, 2) for side in box) for box in found.boxes.tolist()]
    scores = [round(score, 4) for score in found.scores.tolist()]
    return _Line(recorded.name, size, boxes, scores, list(found.labels))


def _labelled(recorded: RecordedFrame, line: _Line) -> LabelledFrame:
    found = Detections.of(np.array(line.boxes, np.float32), np.array(line.scores, np.float32), tuple(line.labels))
    return LabelledFrame(recorded, found, line.size)


@dataclass(frozen=True, slots=True)
class Splits:
    """The frames of all cameras, by each camera's own time: to learn from, to choose scores on, and held out."""

    train: list[LabelledFrame]
    validation: list[LabelledFrame]
    held_out: list[LabelledFrame]

    @classmethod
    def of(cls, frames: Sequence[LabelledFrame]) -> "Splits":
        parts: tuple[list[LabelledFrame], ...] = ([], [], [])
        times_ns: dict[str, list[int]] = {}
        for each in frames:
            times_ns.setdefault(each.recorded.camera_id, []).append(each.recorded.captured_ns)
        spans_ns = {camera_id: (min(times), max(times)) for camera_id, times in times_ns.items()}
        for each in frames:
            first_ns, last_ns = spans_ns[each.recorded.camera_id]
            share = (each.recorded.captured_ns - first_ns) / max(last_ns - first_ns, 1)
            parts[int(share >= TRAIN_UNTIL) + int(share >= VALIDATION_UNTIL)].append(each)
        return cls(*parts)


def common_labels(frames: Sequence[LabelledFrame], sure: float) -> tuple[tuple[str, ...], dict[str, int]]:
    """The labels with enough boxes to be learned, most frequent first, and the counts of those with too few."""
    counts = Counter(
        name
        for each in frames
        for name, score in zip(each.found.labels, each.found.scores, strict=True)
        if score >= sure
    )
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(name for name in order if counts[name] >= MIN_EXAMPLES), {
        n: counts[n] for n in order if counts[n] < MIN_EXAMPLES
    }
