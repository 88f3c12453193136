"""From a user's cameras to a small detector for them: record, label, train, export, compare."""

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
    from training.distil.labels import Labelled, Parts, Teacher
    from training.distil.result import Distilled
    from training.distil.student import Course, Standing

FRAMES, LABELS, CHECKPOINT = "frames", "labels.jsonl", "checkpoint.pt"


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Who hears of what goes on: lines to say, work done of how much, a training's standing; and who may stop it."""

    say: Callable[[str], None]
    work: Callable[[str, int, int], None]
    standing: "Callable[[Standing], None]"
    stopped: Callable[[], bool]


def distil(
    plan: Plan,
    cameras: Sequence[Camera],
    open_teacher: "Callable[[], Teacher]",
    out: Path,
    clock: Clock,
    told: Told,
    *,
    resume: bool = False,
) -> "Distilled | None":
    """Go through with a plan, or as far as it gets before it is stopped, which is None and can be resumed.

    The teacher is opened once the folder is known to be the plan's; what it raises is raised. Everything but the
    detector is kept in the folder beside it. Raises ConfigError, SourceError, WeightsError,
    CheckpointError for what cannot be done.
    """
    need_torch()
    from training.distil.footage import Wanted, kept_frames, record
    from training.distil.labels import label

    folder = prepare(plan, out, resume=resume)
    teacher = open_teacher()
    wanted = Wanted(plan.frames_per_s, max(1, round(plan.minutes * 60 * plan.frames_per_s)))
    frames_folder = folder / FRAMES
    record(cameras, frames_folder, wanted, clock, lambda *done: told.work("frames", *done), told.say, told.stopped)
    if told.stopped():
        return None
    frames = [kept for camera in cameras for kept in kept_frames(frames_folder, camera.id)]
    path = folder / LABELS
    labelled = label(frames, teacher, path, lambda *done: told.work("labels", *done), told.stopped)
    if labelled is None:
        return None
    return _learn(plan, teacher, labelled, out, folder, clock, told)


def _learn(
    plan: Plan, teacher: "Teacher", frames: "Sequence[Labelled]", out: Path, folder: Path, clock: Clock, told: Told
) -> "Distilled | None":
    from training.distil.labels import Parts
    from training.distil.result import conclude
    from training.distil.student import best_precision, train

    parts = Parts.of(frames)
    course = make_course(plan, teacher.sure, parts, told.say)
    precision = best_precision()
    width, height = course.size
    told.say(
        f"{len(parts.learn)} frames to learn from, {len(parts.choose)} to set scores by, {len(parts.held)} held out; "
        f"{', '.join(course.labels)}; pictures of {width}x{height}; {precision}"
    )
    student = train(course, parts.learn, folder / CHECKPOINT, precision, clock, told.standing, told.stopped)
    if student.step < course.steps:
        return None
    return conclude(student.network, _about(plan, course), teacher, parts, out, folder, clock)


def make_course(plan: Plan, sure: float, parts: "Parts", say: Callable[[str], None]) -> "Course":
    """What the student is to become; raises ConfigError where there is nothing to learn."""
    from training.distil.input_size import input_size
    from training.distil.labels import FEWEST, common_labels
    from training.distil.student import Course

    frames, learn = [*parts.learn, *parts.choose, *parts.held], parts.learn
    count = sum(int((each.found.scores >= sure).sum()) for each in frames)
    if not count:
        check = "check the prompt" if plan.prompts else "is it the right footage?"
        raise ConfigError(f"{plan.teacher} found no vehicle in {len(frames)} frames: {check}")
    labels, rare = common_labels(learn, sure)
    if not labels or not parts.held:
        raise ConfigError(
            f"{plan.teacher} found vehicles {count} times in {len(frames)} frames; at least {FEWEST} times of a kind "
            "are needed to learn it, and later frames to see how well (raise --minutes or --fps)"
        )
    if rare:
        told = ", ".join(f"{name} ({number})" for name, number in rare.items())
        say(f"too rare to be learned: {told}")
    return Course(
        labels=labels,
        size=input_size(learn, sure),
        steps=plan.steps,
        seed=plan.seed,
        sure=sure,
        frames=len(learn),
        data=_fingerprint(learn),
    )


def _fingerprint(frames: "Sequence[Labelled]") -> str:
    """Of the labels, in their order."""
    digest = hashlib.sha256()
    for each in frames:
        found = each.found
        digest.update(msgspec.json.encode((each.kept.name, found.boxes.tolist(), found.scores.tolist(), found.labels)))
    return digest.hexdigest()[:12]


def _about(plan: Plan, course: "Course") -> "SiteDetectorMetadata":
    from detect.site_detector import FORMAT, SiteDetectorMetadata

    prompts = sorted(set(plan.prompts.values()))
    return SiteDetectorMetadata(
        format=FORMAT,
        size=course.size,
        labels=course.labels,
        # Until the end, when they are chosen.
        min_scores=(course.sure,) * len(course.labels),
        start_score=course.sure,
        teacher=" / ".join([plan.teacher, *prompts]),
        cameras=tuple(plan.cameras),
        frames=course.frames,
        steps=course.steps,
        seed=course.seed,
    )
