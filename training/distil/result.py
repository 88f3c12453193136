"""The end of a distillation: the file that cameras will use, held against the teacher on what was held out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from detect.detections import Detections
from detect.site_detector import SiteDetector, SiteDetectorMetadata
from ingest.clock import Clock
from training.distil.agreement import Agreement, Count, choose_scores, compare
from training.distil.export import write_detector
from training.distil.labels import Labelled, Parts, Teacher
from training.distil.network import SiteNetwork
from training.distil.sheet import write_pairs
from training.encoder.checkpoint import write_atomically

KEPT_SCORE = 0.05
"""Of a student whose scores are not chosen yet."""

TIMED_FRAMES = 20
REPORT, SHEET = "report.json", "sheet.png"


class Speed(msgspec.Struct, frozen=True):
    """Milliseconds a frame, medians over frames on each of which both took a turn."""

    teacher_ms: float
    student_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Distilled:
    """What came of it: the file and what it says of itself, how far it agrees with its teacher, how fast both are."""

    path: Path
    about: SiteDetectorMetadata
    agreement: Agreement
    speed: Speed
    sheet: Path


def conclude(
    network: SiteNetwork,
    about: SiteDetectorMetadata,
    teacher: Teacher,
    parts: Parts,
    out: Path,
    folder: Path,
    clock: Clock,
) -> Distilled:
    """Export, choose the scores, export with them; compare, draw and time that very file. `folder` gets the report.

    Raises CheckpointError, ConfigError for files that cannot be written.
    """
    unfinished = folder / "unfinished.onnx"
    write_detector(network, about, unfinished)
    detector = SiteDetector(unfinished, min_score=KEPT_SCORE)
    start, continues = choose_scores(parts.choose, _said(detector, parts.choose), about.labels, teacher.sure)
    about = msgspec.structs.replace(about, start_score=start, min_scores=continues)
    write_detector(network, about, out)
    unfinished.unlink()
    detector = SiteDetector(out)
    said = _said(detector, parts.held)
    agreement = compare(parts.held, said, teacher.sure, start, parts.learn)
    sheet = folder / SHEET
    write_pairs(sheet, parts.held, said, teacher.sure, start)
    done = Distilled(out, about, agreement, time_both(teacher, detector, parts.held, clock), sheet)
    _write_report(done, folder / REPORT)
    return done


def _said(detector: SiteDetector, frames: Sequence[Labelled]) -> list[Detections]:
    return [detector(each.kept.frame()) for each in frames]


def time_both(teacher: Teacher, student: SiteDetector, frames: Sequence[Labelled], clock: Clock) -> Speed:
    """Of single frames, after one that warms both."""
    took_ms: tuple[list[float], list[float]] = ([], [])
    for each in [frames[0], *frames[:: max(1, len(frames) // TIMED_FRAMES)]]:
        frame = each.kept.frame()
        moments_s = [clock.monotonic_s()]
        teacher.detector([frame])
        moments_s.append(clock.monotonic_s())
        student(frame)
        moments_s.append(clock.monotonic_s())
        for times_ms, (before_s, after_s) in zip(took_ms, pairwise(moments_s), strict=True):
            times_ms.append(1000 * (after_s - before_s))
    teacher_ms, student_ms = (statistics.median(times_ms[1:]) for times_ms in took_ms)
    return Speed(teacher_ms, student_ms)


def _write_report(done: Distilled, path: Path) -> None:
    agreement = done.agreement
    held_out = {
        "all": _shares(agreement.all),
        "by_size_px": {name: _shares(count) for name, count in agreement.sizes.items()},
        "by_camera": {name: _shares(count) for name, count in agreement.cameras.items()},
        "moved": _shares(agreement.moved),
        "named_alike": agreement.named_alike,
    }
    report = {"about": done.about, "held_out": held_out, "speed": done.speed}
    write_atomically(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _shares(count: Count) -> Mapping[str, float | int | None]:
    counts = {"vehicles": count.vehicles, "found": count.found, "boxes": count.said, "right": count.right}
    return {**counts, "recall": count.recall, "precision": count.precision}
