"""`corridor city traffic`: draw fresh traffic with SUMO, and place cameras in it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from deploy.cli.terminal.image_progress import LINE_EVERY_S
from deploy.cli.terminal.screen import make_console
from ingest.clock import SystemClock
from ingest.errors import ConfigError
from ingest.synthetic.camera.placement import PlacementRequest
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.world.trace import SUFFIX, Trace, read_trace_header, write_trace


def traffic(
    source: Annotated[
        str,
        typer.Argument(
            help="A SUMO configuration (.sumocfg), a network (.net.xml) or an OpenStreetMap extract (.osm, .osm.xml), "
            "which get random traffic, or a generated town such as grid:3x3.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help=f"The {SUFFIX} file to write.", show_default=False)],
    cameras: Annotated[int, typer.Option(min=1, max=200, help="How many cameras to place.")] = 6,
    cameras_of: Annotated[
        Path | None,
        typer.Option(
            help=f"A {SUFFIX} file of the same streets, whose cameras are taken instead of placing some.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws demand, drivers and cameras.")] = 1,
    begin: Annotated[float, typer.Option(min=0, help="Seconds of simulation before the traffic begins.")] = 600.0,
    duration: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds of traffic.")] = 300.0,
    scale: Annotated[float, typer.Option(min=0.01, max=10, help="How much of the demand drives.")] = 1.0,
    spacing: Annotated[
        tuple[float, float], typer.Option(help="Least and most metres from a camera to the nearest other one.")
    ] = (100.0, 600.0),
    overlap: Annotated[bool, typer.Option("--overlap", help="The last camera sees what another one sees.")] = False,
    corridor: Annotated[
        bool, typer.Option("--corridor", help="Cameras stand in a row, and the same vehicles pass one after the other.")
    ] = False,
    credit: Annotated[str, typer.Option(help="Where streets and demand are from, and their licence.")] = "",
) -> None:
    """Draw traffic and write it to a file; its cameras are then city://FILE/0, city://FILE/1, and so on.

    Needs Eclipse SUMO (extra `traffic`); showing what was drawn does not. Cameras are placed beside the streets where
    most vehicles pass several of them. The same arguments and release of SUMO give the same file.
    """
    if out.suffix != SUFFIX:
        raise ConfigError(f"the file to write must end in {SUFFIX}, not '{out.name}'")
    if not out.parent.is_dir():
        raise ConfigError(f"there is no folder {out.parent} to write {out.name} to")
    if spacing[0] > spacing[1]:
        raise ConfigError(f"--spacing {spacing[0]:g} {spacing[1]:g}: give the least distance first")
    if overlap and corridor:
        raise ConfigError("--overlap and --corridor exclude each other: give one of them")
    if cameras_of is not None and (overlap or corridor):
        raise ConfigError("--cameras-of takes cameras as they stand: leave out --overlap and --corridor")
    request: PlacementRequest | tuple[CameraPose, ...] = PlacementRequest(cameras, spacing, overlap, corridor)
    if cameras_of is not None:
        request = read_trace_header(cameras_of).cameras
    trace = _draw_with_progress(source, request, out.stem, seed, begin, duration, scale, credit)
    write_trace(trace, out)
    _print_summary(trace, out)


def _draw_with_progress(
    source: str,
    cameras: PlacementRequest | tuple[CameraPose, ...],
    name: str,
    seed: int,
    begin_s: float,
    duration_s: float,
    scale: float,
    credit: str,
) -> Trace:
    from ingest.synthetic.sumo.drawing import draw_trace

    console, clock = Console(stderr=True, highlight=False), SystemClock()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    told_s = clock.monotonic_s()

    def report(what: str, share: float) -> None:
        nonlocal told_s
        bar.update(task, description=what, completed=share)
        if not console.is_terminal and clock.monotonic_s() - told_s >= LINE_EVERY_S:
            told_s = clock.monotonic_s()
            console.print(f"{what} {share:.0%}", markup=False)

    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("simulating", total=1.0)
        return draw_trace(
            source,
            cameras,
            name=name,
            seed=seed,
            begin_s=begin_s,
            duration_s=duration_s,
            scale=scale,
            attribution=credit,
            report=report,
        )


def _print_summary(trace: Trace, out: Path) -> None:
    from ingest.synthetic.camera.passages import passages
    from ingest.synthetic.world.presets import find_camera

    preset, _ = find_camera(str(out), 0)
    views: dict[int, set[int]] = {}
    for passage in passages(preset):
        views.setdefault(passage.vehicle_id, set()).add(passage.camera)
    several = sum(len(seen) > 1 for seen in views.values())
    console = make_console()
    console.print(
        f"{out}: {len(trace.header.cameras)} cameras, {trace.header.duration_s:g} s, {len(views)} vehicles, "
        f"{several} of them seen by 2 or more cameras, {out.stat().st_size / 1e6:.2f} MB",
        highlight=False,
        soft_wrap=True,
    )
    console.print(trace.header.source, highlight=False, soft_wrap=True, markup=False)
    console.print(f"Show it with: corridor city render {out}", highlight=False, soft_wrap=True)
