"""Distillation from a user's cameras to a small detector for them: record, label, train, export, compare."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ingest.camera import Camera
from ingest.clock import Clock
from ingest.errors import ConfigError
from training.datasets.prepared import need_torch
from training.distil.plan import Plan, prepare

# What needs torch or OpenVINO is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from detect.site_detector import SiteDetectorMetadata
    from training.distil.labels import LabelledFrame, Splits, TeacherDetector
    from training.distil.result import DistillationResult
    from training.distil.student import DistillationProgress, StudentSpec

FRAMES, LABELS, CHECKPOINT = "frames", "labels.jsonl", "checkpoint.pt"


@dataclass(frozen=True, slots=True, eq=False)
class DistillationCallbacks:
    """The callbacks of a distillation: operator's lines, work done of how much, training progress, stop request."""

    notify: Callable[[str], None]
    work: Callable[[str, int, int], None]
    progress: "Callable[[DistillationProgress], None]"
    stopped: Callable[[], bool]


def distil(
    plan: Plan,
    cameras: Sequence[Camera],
    open_teacher: "Callable[[], TeacherDetector]",
    out: Path,
    clock: Clock,
    callbacks: DistillationCallbacks,
    *,
    resume: bool = False,
) -> "DistillationResult | None":
    """Go through with a plan, or as far as it gets before it is stopped, which is None and can be resumed.

    The teacher is opened once the folder is known to be the plan's; what it raises is raised. Everything but the
    detector is kept in the folder beside it. Raises ConfigError, SourceError, WeightsError,
    CheckpointError for what cannot be done.
    """
    need_torch()
    from training.distil.footage import RecordingTarget, record, recorded_frames
    from training.distil.labels import label

    # Step 1: the folder of the plan, then the teacher, which may take long to open
    folder = prepare(plan, out, resume=resume)
    teacher = open_teacher()
    # Step 2: record the frames that are missing
    target = RecordingTarget(plan.frames_per_s, max(1, round(plan.minutes * 60 * plan.frames_per_s)))
    frames_folder = folder / FRAMES
    record(
        cameras,
        frames_folder,
        target,
        clock,
        lambda *done: callbacks.work("frames", *done),
        callbacks.notify,
        callbacks.stopped,
    )
    if callbacks.stopped():
        return None
    # Step 3: label the frames that are missing
    frames = [kept for camera in cameras for kept in recorded_frames(frames_folder, camera.id)]
    path = folder / LABELS
    labelled = label(frames, teacher, path, lambda *done: callbacks.work("labels", *done), callbacks.stopped)
    if labelled is None:
        return None
    return _learn(plan, teacher, labelled, out, folder, clock, callbacks)


def _learn(
    plan: Plan,
    teacher: "TeacherDetector",
    frames: "Sequence[LabelledFrame]",
    out: Path,
    folder: Path,
    clock: Clock,
    callbacks: DistillationCallbacks,
) -> "DistillationResult | None":
    from training.distil.labels import Splits
    from training.distil.result import export_and_compare
    from training.distil.student import best_precision, train

    # Step 4: split the frames and choose labels and input size
    splits = Splits.of(frames)
    spec = make_student_spec(plan, teacher.sure, splits, callbacks.notify)
    precision = best_precision()
    width, height = spec.size
    callbacks.notify(
        f"{len(splits.train)} frames to learn from, {len(splits.validation)} to set scores by, "
        f"{len(splits.held_out)} held out; {', '.join(spec.labels)}; images of {width}x{height}; {precision}"
    )
    # Step 5: train the student, from its checkpoint where there is one
    student = train(spec, splits.train, folder / CHECKPOINT, precision, clock, callbacks.progress, callbacks.stopped)
    if student.step < spec.steps:
        return None
    # Step 6: choose scores, export, and compare with the teacher
    return export_and_compare(student.network, _about(plan, spec), teacher, splits, out, folder, clock)


def make_student_spec(plan: Plan, sure: float, splits: "Splits", notify: Callable[[str], None]) -> "StudentSpec":
    """Make the spec of the student; raises ConfigError where there is nothing to learn."""
    from training.distil.input_size import input_size
    from training.distil.labels import MIN_EXAMPLES, common_labels
    from training.distil.student import StudentSpec

    frames, learn = [*splits.train, *splits.validation, *splits.held_out], splits.train
    count = sum(int((each.found.scores >= sure).sum()) for each in frames)
    if not count:
        check = "check the prompt" if plan.prompts else "is it the right footage?"
        raise ConfigError(f"{plan.teacher} found no vehicle in {len(frames)} frames: {check}")
    labels, rare = common_labels(learn, sure)
    if not labels or not splits.held_out:
        raise ConfigError(
            f"{plan.teacher} found vehicles {count} times in {len(frames)} frames; at least {MIN_EXAMPLES} times "
            "of a kind are needed to learn it, and later frames to see how well (raise --minutes or --fps)"
        )
    if rare:
        listed = ", ".join(f"{name} ({number})" for name, number in rare.items())
        notify(f"too rare to be learned: {listed}")
    return StudentSpec(
        labels=labels,
        size=input_size(learn, sure),
        steps=plan.steps,
        seed=plan.seed,
        sure=sure,
        frames=len(learn),
        data=_fingerprint(learn),
    )


def _fingerprint(frames: "Sequence[LabelledFrame]") -> str:
    """Fingerprint of the labels, in their order."""
    digest = hashlib.sha256()
    for each in frames:
        found = each.found
        digest.update(
            msgspec.json.encode((each.recorded.name, found.boxes.tolist(), found.scores.tolist(), found.labels))
        )
    return digest.hexdigest()[:12]


def _about(plan: Plan, spec: "StudentSpec") -> "SiteDetectorMetadata":
    from detect.site_detector import FORMAT, SiteDetectorMetadata

    prompts = sorted(set(plan.prompts.values()))
    return SiteDetectorMetadata(
        format=FORMAT,
        size=spec.size,
        labels=spec.labels,
        # Until the end, when they are chosen.
        min_scores=(spec.sure,) * len(spec.labels),
        start_score=spec.sure,
        teacher=" / ".join([plan.teacher, *prompts]),
        cameras=tuple(plan.cameras),
        frames=spec.frames,
        steps=spec.steps,
        seed=spec.seed,
    )
