"""`corridor cameras`: all its commands, and those that check cameras and tell association of their changes."""

from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.cameras.roster import add, change, pause, remove, resume
from deploy.cli.cameras.workers import drain, list_cameras
from deploy.cli.exit_codes import ExitCode
from deploy.cli.links.correct import By
from deploy.cli.terminal.screen import make_console, narrow_table
from deploy.site.config import load_config
from deploy.site.controls import camera_change_of, publish
from deploy.site.site_log import open_site_log
from ingest.camera import Camera
from ingest.clock import NS, Clock, SystemClock
from ingest.errors import ConfigError, CorridorError, SourceError
from ingest.frame import Frame
from ingest.open_camera import check_source, open_camera
from ingest.redact import redact, redact_source

app = typer.Typer(
    no_args_is_help=True,
    help="Look after the cameras of a site: check them, and add, change, pause or remove them while it runs.\n\n"
    "The configuration is the start. What these commands say is a record on the log, which `corridor run` and "
    "`observe` obey within a second, and after every restart. Other cameras are not touched.",
)
for command in (add, change, pause, resume, remove, drain):
    app.command()(command)
app.command("list")(list_cameras)

FRAMES = 15


@dataclass(frozen=True, slots=True)
class CameraCheck:
    """Result of opening a camera and reading a few frames."""

    camera: Camera
    size: tuple[int, int] | None = None
    frames_per_s: float | None = None
    clock: str = ""
    open_s: float = 0.0
    error: str = ""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
) -> None:
    """Open every camera, read a few frames, say what came; exit code 3 if one of them gave nothing, 2 if none did."""
    config = load_config(file)
    clock = SystemClock()
    results = [_check_camera(camera, clock) for camera in config.cameras]
    names = ("camera", "frame size", "frames/s", "clock", "first frame")
    rows = []
    for result in results:
        size = f"{result.size[0]}x{result.size[1]}" if result.size else "none"
        rate = f"{result.frames_per_s:.1f}" if result.frames_per_s else ""
        rows.append([result.camera.id, size, rate, result.clock, f"{result.open_s:.2f} s"])
    console = make_console()
    console.print(narrow_table("Cameras", names, rows, left=("frame size", "clock"), wraps="camera"))
    for result in results:
        if result.error:
            console.print(f"{result.camera.id}: {result.error}", highlight=False, soft_wrap=True, markup=False)
    broken = [result.camera.id for result in results if result.error]
    none = f"no frame from {len(broken)} of {len(results)} cameras: {', '.join(broken)}"
    if len(broken) == len(results):
        raise SourceError(none)
    if broken:
        typer.echo(f"not everything was done: {none} (exit code {ExitCode.PARTLY})", err=True)
        raise typer.Exit(ExitCode.PARTLY)


class Change(StrEnum):
    """A change that makes what was learned about a camera wrong."""

    MOVED = "moved"
    CLOCK_SET = "clock_set"


@app.command()
def changed(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    camera: Annotated[str, typer.Argument(help="The camera's id.", show_default=False)],
    change: Annotated[Change, typer.Argument(help="It looks elsewhere, or its clock was set.", show_default=False)],
    by: By = "",
) -> None:
    """Say that a camera was moved, or its clock set: association heeds it from now on (a record on the log)."""
    config = load_config(file)
    if camera not in config.camera_ids:
        raise ConfigError(f"there is no camera '{camera}' in {file}; there are {', '.join(config.camera_ids)}")
    with closing(open_site_log(config, file, must_exist=True)) as log:
        publish(log, config.associate.zone, camera_change_of(log, camera, change.value, by))
    typer.echo(f"on the log: {camera} {'was moved' if change is Change.MOVED else 'has another clock'}")


def _check_camera(camera: Camera, clock: Clock) -> CameraCheck:
    began_s = clock.monotonic_s()
    frames: list[Frame] = []
    open_s = 0.0
    try:
        check_source(camera)
        source = open_camera(camera, starts_ns=0)
        try:
            for frame in source.frames():
                open_s = open_s or clock.monotonic_s() - began_s
                frames.append(frame)
                if len(frames) >= FRAMES:
                    break
        finally:
            source.close()
        if not frames:
            raise SourceError(f"camera '{camera.id}': {redact_source(camera.source)} opened but gave no frame")
    except CorridorError as error:
        return CameraCheck(camera, open_s=clock.monotonic_s() - began_s, error=redact(str(error)))
    spread_s = (frames[-1].captured_ns - frames[0].captured_ns) / NS
    rate = (len(frames) - 1) / spread_s if spread_s > 0 else None
    return CameraCheck(camera, frames[0].size, rate, frames[0].clock.value, open_s)
