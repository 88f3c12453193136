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
from training.distil.agreement import Agreement, MatchCounts, choose_scores, compare
from training.distil.export import write_detector
from training.distil.labels import LabelledFrame, Splits, TeacherDetector
from training.distil.network import SiteNetwork
from training.distil.sheet import write_pairs
from training.encoder.checkpoint import write_atomically

KEPT_SCORE = 0.05
"""Least score kept from a student whose thresholds are not chosen yet."""

TIMED_FRAMES = 20
REPORT, SHEET = "report.json", "sheet.png"


class Speed(msgspec.Struct, frozen=True):
    """Milliseconds a frame, medians over frames on each of which both took a turn."""

    teacher_ms: float
    student_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class DistillationResult:
    """The result: the file and its metadata, its agreement with the teacher, and the speed of both."""

    path: Path
    about: SiteDetectorMetadata
    agreement: Agreement
    speed: Speed
    sheet: Path


def export_and_compare(
    network: SiteNetwork,
    about: SiteDetectorMetadata,
    teacher: TeacherDetector,
    splits: Splits,
    out: Path,
    folder: Path,
    clock: Clock,
) -> DistillationResult:
    """Export, choose the scores, export with them; compare, draw and time that very file. `folder` gets the report.

    Raises CheckpointError, ConfigError for files that cannot be written.
    """
    # Step 1: export without thresholds, and choose them on the validation frames
    unfinished = folder / "unfinished.onnx"
    write_detector(network, about, unfinished)
    detector = SiteDetector(unfinished, min_score=KEPT_SCORE)
    start, continues = choose_scores(
        splits.validation, _detect(detector, splits.validation), about.labels, teacher.sure
    )
    # Step 2: export with the thresholds
    about = msgspec.structs.replace(about, start_score=start, min_scores=continues)
    write_detector(network, about, out)
    unfinished.unlink()
    # Step 3: compare that very file with the teacher on held-out frames, and time both
    detector = SiteDetector(out)
    predicted = _detect(detector, splits.held_out)
    agreement = compare(splits.held_out, predicted, teacher.sure, start, splits.train)
    sheet = folder / SHEET
    write_pairs(sheet, splits.held_out, predicted, teacher.sure, start)
    done = DistillationResult(out, about, agreement, time_both(teacher, detector, splits.held_out, clock), sheet)
    _write_report(done, folder / REPORT)
    return done


def _detect(detector: SiteDetector, frames: Sequence[LabelledFrame]) -> list[Detections]:
    return [detector(each.recorded.frame()) for each in frames]


def time_both(teacher: TeacherDetector, student: SiteDetector, frames: Sequence[LabelledFrame], clock: Clock) -> Speed:
    """Time teacher and student on single frames, after one that warms both; medians in milliseconds."""
    took_ms: tuple[list[float], list[float]] = ([], [])
    for each in [frames[0], *frames[:: max(1, len(frames) // TIMED_FRAMES)]]:
        frame = each.recorded.frame()
        moments_s = [clock.monotonic_s()]
        teacher.detector([frame])
        moments_s.append(clock.monotonic_s())
        student(frame)
        moments_s.append(clock.monotonic_s())
        for times_ms, (before_s, after_s) in zip(took_ms, pairwise(moments_s), strict=True):
            times_ms.append(1000 * (after_s - before_s))
    teacher_ms, student_ms = (statistics.median(times_ms[1:]) for times_ms in took_ms)
    return Speed(teacher_ms, student_ms)


def _write_report(done: DistillationResult, path: Path) -> None:
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


def _shares(count: MatchCounts) -> Mapping[str, float | int | None]:
    counts = {"vehicles": count.vehicles, "found": count.found, "boxes": count.predicted, "right": count.right}
    return {**counts, "recall": count.recall, "precision": count.precision}
