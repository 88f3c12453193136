"""`corridor annotate`: what a detector and the tracker see, drawn into copies of recordings."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.image_progress import ImageProgress
from deploy.cli.terminal.screen import make_console
from deploy.site.config import RUNS
from detect.detector import BatchDetector
from detect.registry import FOUNDATION, check_detector
from detect.settings import DetectSettings, FoundationSettings
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.errors import ConfigError, SourceError
from ingest.open_camera import check_source, open_camera
from ingest.signals import stops_on_signal

ENDING = ".mp4"


def annotate(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING", help="Video files.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the copies.")] = RUNS / "annotated",
    detector: Annotated[
        str, typer.Option("--detector", help="As in \\[detect] detector: a network, a file.onnx, or motion.")
    ] = DetectSettings().detector,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score", min=0.01, max=0.99, help="Weaker detections are not used.", show_default="the network's own"
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace copies that are there already.")] = False,
) -> None:
    """Draw the boxes, track ids and labels of vehicles into a copy of each recording.

    Every frame is looked at. A copy has its name, that of the recording with .mp4, only when it is whole.

    corridor annotate north.mp4 south.mkv -o look --detector motion
    """
    copies = plan_copies(recordings, out, overwrite=overwrite)
    settings = DetectSettings(detector=detector, min_score=min_score, masks="box")
    cameras = [Camera(id=f"recording-{number}", source=str(path)) for number, path in enumerate(copies, 1)]
    check_detector(detector)
    for camera in cameras:
        check_source(camera)
    look = _open_detector(settings, [camera.id for camera in cameras])
    failures: list[str] = []
    found_any = drawn_any = False
    stop = threading.Event()
    with stops_on_signal(stop.set):
        for camera, (path, copy) in zip(cameras, copies.items(), strict=True):
            try:
                tracks, broken = _annotate_one(camera, path, copy, look, settings, stop)
            except SourceError as error:
                failures.append(str(error))
                continue
            drawn_any, found_any = True, found_any or tracks > 0
            failures += [broken] if broken else []
    if not drawn_any:
        raise SourceError("; ".join(failures))
    for failure in failures:
        typer.echo(failure, err=True)
    if not found_any:
        raise SourceError(f"{detector} has found no vehicle in any frame; try another --detector or --min-score")
    if failures:
        typer.echo(f"not everything was done: {len(failures)} of {len(copies)} (exit code {ExitCode.PARTLY})", err=True)
        raise typer.Exit(ExitCode.PARTLY)


def plan_copies(recordings: Sequence[Path], folder: Path, *, overwrite: bool = False) -> dict[Path, Path]:
    """The copy of each recording; raises ConfigError where two would be one, or one would replace something."""
    copies: dict[Path, Path] = {}
    for path in recordings:
        copy = folder / f"{path.stem}{ENDING}"
        if copy in copies.values():
            raise ConfigError(f"two recordings are called '{path.stem}': their copies would be one, {copy}")
        if copy.exists() and any(each.exists() and copy.samefile(each) for each in recordings):
            raise ConfigError(f"the copy {copy} would replace a recording; name another folder with -o")
        if copy.exists() and not overwrite:
            raise ConfigError(f"{copy} is there already; name another folder with -o, or give --overwrite")
        copies[path] = copy
    return copies


def _open_detector(settings: DetectSettings, camera_ids: Sequence[str]) -> BatchDetector:
    if settings.detector in FOUNDATION:
        from deploy.site.foundation import open_grounding_dino

        return open_grounding_dino(settings.detector, FoundationSettings(), camera_ids)
    from deploy.site.wiring import make_detector
    from detect.detector import OneByOne

    return OneByOne(make_detector(settings))


def _annotate_one(
    camera: Camera, path: Path, copy: Path, look: BatchDetector, settings: DetectSettings, stop: threading.Event
) -> tuple[int, str | None]:
    """Draw one copy with a bar; returns how many tracks are in it, and why the recording broke off, if it did."""
    import msgspec

    from deploy.results.annotation import annotate as draw
    from deploy.results.annotation import outline_of
    from deploy.site.wiring import tracker_maker

    source = open_camera(camera, starts_ns=0)
    outline = outline_of(path)
    timed = msgspec.structs.replace(settings, analyse_fps=float(outline.frames_per_s))
    with ImageProgress(path.name, SystemClock()) as bar:
        report = _reporter(bar, outline.frames, stop)
        done = draw(source, look, tracker_maker(timed)(), copy, outline.frames_per_s, report)
    line = f"{copy}: {done.frames} frames, {done.tracks} vehicles"
    make_console().print(line, highlight=False, soft_wrap=True, markup=False)
    return done.tracks, done.broken


def _reporter(bar: ImageProgress, frames: int, stop: threading.Event) -> Callable[[int], None]:
    def report(done: int) -> None:
        bar(done, max(frames, done))
        if stop.is_set():
            raise typer.Exit(ExitCode.STOPPED)

    return report
