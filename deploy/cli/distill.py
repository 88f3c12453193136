"""`corridor distill`: a small detector for a user's own cameras, taught by a large one."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.screen import make_console
from deploy.site.config import Config, load_config
from deploy.site.teacher import open_teacher
from detect.registry import FOUNDATION
from detect.settings import FoundationSettings
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.errors import ConfigError
from ingest.signals import stops_on_signal
from training.distil.pipeline import DistillationCallbacks, distil
from training.distil.plan import make_plan

if TYPE_CHECKING:
    from training.distil.agreement import MatchCounts
    from training.distil.result import DistillationResult
    from training.distil.student import DistillationProgress

OUT = Path("runs/site/site.onnx")
TRAINING_LINES = 10
"""Lines of the training that are printed without a terminal."""


def distill(
    cameras: Annotated[
        list[str] | None,
        typer.Argument(metavar="CAMERA", help="Cameras of --config, all of them by default; or video files."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration, a TOML file.", show_default=False)
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher", help="The detector to learn from: a Grounding DINO, crossroad-1016, or any other by name."
        ),
    ] = FOUNDATION[0],
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            help="The vehicles that Grounding DINO looks for, in the place of the configuration's prompt.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.01, max=10_000, help="Minutes of every camera, at most.")
    ] = 10.0,
    fps: Annotated[float, typer.Option("--fps", min=0.01, max=120, help="Labelled frames a second.")] = 2.0,
    steps: Annotated[
        int, typer.Option("--steps", min=1, max=10_000_000, help="Steps of the training, 8 images each.")
    ] = 3000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the initial weights and all random choices.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The detector; its folder is beside it.")] = OUT,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in the folder of --out stands.")
    ] = False,
) -> None:
    """Teach a small detector what a large one sees in your own footage, for sites without a GPU.

    Frames are recorded, labelled by the teacher and learned from; the last 30 % of every camera's time are held out
    and say how well it went. Ctrl-C ends it after the step it is in, and --resume goes on, also after a crash.
    Name the file that comes out as the detector of your configuration.
    """
    given = None if config is None else load_config(config)
    chosen = choose_cameras(cameras or [], given)
    foundation = FoundationSettings() if given is None else given.foundation
    if prompt is not None:
        if teacher not in FOUNDATION:
            raise ConfigError(f"--prompt is for {' and '.join(FOUNDATION)}; {teacher} takes none")
        foundation = msgspec.structs.replace(foundation, prompt=prompt, prompts={})
    plan = make_plan(chosen, teacher, foundation, minutes=minutes, frames_per_s=fps, steps=steps, seed=seed)
    stop = threading.Event()
    with stops_on_signal(stop.set), _progress_display(stop) as callbacks:
        done = distil(
            plan, chosen, lambda: open_teacher(plan, foundation), out, SystemClock(), callbacks, resume=resume
        )
    if done is None:
        line = f"stopped; go on with --resume: {out.with_suffix('')}"
        make_console().print(line, highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(ExitCode.STOPPED)
    _report(done)


def choose_cameras(names: Sequence[str], config: Config | None) -> list[Camera]:
    """Cameras of a configuration by id, all without a name; or video files. Raises ConfigError."""
    known = {} if config is None else {camera.id: camera for camera in config.cameras}
    if not names and not known:
        raise ConfigError("name video files, or give a configuration with cameras (--config FILE)")
    chosen = [_camera(name, known) for name in names] or list(known.values())
    ids = [camera.id for camera in chosen]
    twice = next((each for each in ids if ids.count(each) > 1), None)
    if twice is not None:
        raise ConfigError(f"'{twice}' is given twice; cameras need different ids, video files different names")
    # All of a recording is wanted, not what its pace leaves time for.
    return [msgspec.structs.replace(camera, realtime=False) for camera in chosen]


def _camera(name: str, known: dict[str, Camera]) -> Camera:
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if not path.is_file():
        among = f"a camera of the configuration ({', '.join(known)})" if known else "a camera (no --config is given)"
        raise ConfigError(f"'{name}' is neither {among} nor a video file")
    return Camera(id=re.sub(r"[^A-Za-z0-9._-]|^[._-]", "-", path.stem).lstrip("-._")[:64] or "video", source=str(path))


@contextmanager
def _progress_display(stop: threading.Event) -> Iterator[DistillationCallbacks]:
    """Bars in a terminal; elsewhere a line when a part is done, and some of the training."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bars:
        shown = _ProgressDisplay(console, bars)
        yield DistillationCallbacks(shown.notify, shown.work, shown.progress, stop.is_set)


class _ProgressDisplay:
    """Progress of a distillation on a terminal, or as lines."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self._console, self._bars = console, bars
        self._tasks: dict[str, TaskID] = {}

    def notify(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False)

    def work(self, name: str, done: int, of: int, detail: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=of, detail="")
        self._bars.update(self._tasks[name], completed=done, total=of, detail=detail)
        if done == of and not self._console.is_terminal:
            self.notify(f"{name} {done}/{of}  {detail}".rstrip())

    def progress(self, progress: "DistillationProgress") -> None:
        detail = f"heat {progress.heat:.2f}  boxes {progress.boxes:.2f}"
        self.work("steps", progress.step, progress.steps, detail)
        every = max(1, progress.steps // TRAINING_LINES)
        if not self._console.is_terminal and progress.step % every == 0 and progress.step < progress.steps:
            self.notify(f"steps {progress.step}/{progress.steps}  {detail}  {progress.remaining_s:.0f} s left")


def _report(done: "DistillationResult") -> None:
    console = make_console()
    agreement, about = done.agreement, done.about
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("held out", no_wrap=True)
    for name in ("teacher's vehicles", "recall", "student's boxes", "precision"):
        table.add_column(name, justify="right")
    rows: list[tuple[str, MatchCounts]] = [("all", agreement.all)]
    rows += [(f"{name} px", count) for name, count in agreement.sizes.items()]
    rows += list(agreement.cameras.items()) if len(agreement.cameras) > 1 else []
    for name, count in rows:
        table.add_row(
            name, str(count.vehicles), _percent(count.recall), str(count.predicted), _percent(count.precision)
        )
    table.add_row("not there before", str(agreement.moved.vehicles), _percent(agreement.moved.recall), "", "")
    console.print(table)
    speed = done.speed
    lines = [
        f"{about.teacher}: {speed.teacher_ms:.1f} ms a frame; the student: {speed.student_ms:.1f} ms, "
        f"{speed.teacher_ms / speed.student_ms:.1f} times as fast",
        f"Look at {done.sheet}: the teacher's boxes on the left, the student's on the right.",
    ]
    useful = agreement.all.found > 0
    if useful:
        lines.append(f'The detector is {done.path}; use it with: [detect] detector = "{done.path}"')
    if len(about.labels) > 1:
        lines.insert(0, f"{agreement.named_alike} of {agreement.all.found} found vehicles have the teacher's label")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if not useful:
        typer.echo(
            f"not everything was done: {done.path} finds none of the {agreement.all.vehicles} vehicles that the "
            "teacher sees in the held-out frames; do not use it, give more --steps or --minutes "
            f"(exit code {ExitCode.PARTLY})",
            err=True,
        )
        raise typer.Exit(ExitCode.PARTLY)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
