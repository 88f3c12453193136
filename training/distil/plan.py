"""Plan of a distillation, and the folder in which it goes on."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from detect.registry import FOUNDATION, SITE_SUFFIX, check_detector
from detect.settings import FoundationSettings
from ingest.camera import Camera
from ingest.digest import short_digest
from ingest.errors import ConfigError
from ingest.redact import redact_source

OPENED = ("box_score", "phrase_score", "short_side_px", "weights", "text_encoder")
"""Keys of the `[foundation]` table that also decide what Grounding DINO finds."""

PLAN = "plan.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A folder's distillation goes on only where all of this is the same.

    cameras: sources by id. opened: what the teacher's name leaves open: Grounding DINO's settings, the digest of a
    site's detector. prompts: by camera, for a teacher that takes them. minutes, frames_per_s: of every camera. steps,
    seed: of the training.
    """

    cameras: dict[str, str]
    teacher: str
    opened: dict[str, str | float | int | None]
    prompts: dict[str, str]
    minutes: float
    frames_per_s: float
    steps: int
    seed: int


def make_plan(
    cameras: Sequence[Camera],
    teacher: str,
    foundation: FoundationSettings,
    *,
    minutes: float,
    frames_per_s: float,
    steps: int,
    seed: int,
) -> Plan:
    """Make a plan; raises ConfigError for an unknown teacher, WeightsError for an unreadable site's detector."""
    check_detector(teacher)
    prompts = {camera.id: foundation.prompts.get(camera.id, foundation.prompt) for camera in cameras}
    return Plan(
        cameras={camera.id: redact_source(camera.source) for camera in cameras},
        teacher=teacher,
        opened=_opened(teacher, foundation),
        prompts=prompts if teacher in FOUNDATION else {},
        minutes=minutes,
        frames_per_s=frames_per_s,
        steps=steps,
        seed=seed,
    )


def _opened(teacher: str, foundation: FoundationSettings) -> dict[str, str | float | int | None]:
    if teacher in FOUNDATION:
        return {name: getattr(foundation, name) for name in OPENED}
    if teacher.endswith(SITE_SUFFIX):
        return {"sha256": short_digest(Path(teacher))}
    return {}


def prepare(plan: Plan, out: Path, *, resume: bool) -> Path:
    """The folder of a plan, beside the detector that it will end with.

    Raises ConfigError where the folder is another plan's, has one already that is not to be resumed, or has none that
    is; CheckpointError where the plan cannot be written.
    """
    from training.encoder.checkpoint import write_atomically

    if out.suffix != SITE_SUFFIX:
        raise ConfigError(f"--out '{out}' must end in .onnx (a folder of its name gets everything else)")
    folder = out.with_suffix("")
    path = folder / PLAN
    if resume and not path.exists():
        raise ConfigError(f"there is nothing to resume in {folder} (leave out --resume to begin)")
    if path.exists() and len(list(folder.iterdir())) > 1:  # a plan alone came to nothing: missing weights, say
        if not resume:
            raise ConfigError(f"{folder} exists already (go on with --resume, or give another --out)")
        _check_same(path, plan)
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: cannot write to {folder}: {error.strerror}") from error
    write_atomically(path, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")
    return folder


def _check_same(path: Path, plan: Plan) -> None:
    try:
        before = msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} cannot be read: {error} (delete {path.parent} to begin anew)") from error
    was, now = _named(before), _named(plan)
    for key, value in now.items():
        if was.get(key) != value:
            raise ConfigError(
                f"{path.parent} was begun with {key} = {was.get(key)}, not {value} (say that, or another --out)"
            )


def _named(plan: Plan) -> dict[str, object]:
    """Map a plan's values by the names that a person knows, in the order of the plan."""
    named: dict[str, object] = {}
    for key, value in msgspec.structs.asdict(plan).items():
        named |= {f"the teacher's {name}": each for name, each in value.items()} if key == "opened" else {key: value}
    return named
