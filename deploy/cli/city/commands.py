"""`corridor city`: the synthetic city as recordings with truth, as RTSP streams, as tables and images."""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.city.recording import FrameReport, Recording, camera_id, configuration, record_all, surveillance_bits_per_s
from deploy.city.rtsp.server import RtspServer
from deploy.city.serving import Playback, mount
from deploy.cli.city import crops, observations, traffic
from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.screen import make_console
from deploy.cli.times import parse_starts_at
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError
from ingest.open_camera import start_ns
from ingest.signals import stops_on_signal
from ingest.synthetic.camera.spec import CameraClock
from ingest.synthetic.world.presets import PRESETS, find_camera, trips_of
from ingest.synthetic.world.trace import read_trace_header

app = typer.Typer(
    no_args_is_help=True,
    help="The synthetic city: recordings, streams and training sets with truth, rendered on the CPU.\n\n"
    "PRESET is one of `corridor city presets`, or a .city file of your own (`corridor city traffic`).",
)
RECORDINGS = Path("runs/city")
LOG = "corridor.db"
"""Beside the recordings, the log of a run on them: every preset's configuration has the same name."""
GENERATED_HEADER = "# Written by `corridor city`, which may write it again: copy it before you change it.\n"
KEEP_CROPS = "\n[crops]\nkeep = true\n"
"""The operator's view shows them, and rendered vehicles are nobody's."""
_WRONG_CLOCKS_START_NS = 1_767_225_600 * NS  # 2026-01-01: a clock that is slow in 1970 would show a time before it
_PAUSE_S = 0.5

PresetName = Annotated[str, typer.Argument(metavar="PRESET", help="A preset, or a .city file.", show_default=False)]
CameraNumbers = Annotated[
    str | None, typer.Option("--cameras", help="Only these cameras, numbers with commas between; default: all.")
]
Workers = Annotated[int | None, typer.Option(max=1024, help="Processes; default: one a core.", show_default=False)]


@app.command()
def render(
    preset: PresetName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; default: runs/city/PRESET.", show_default=False)
    ] = None,
    cameras: CameraNumbers = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of the recordings; default: the preset's.", show_default=False)
    ] = None,
    starts_at: Annotated[
        str | None,
        typer.Option(
            metavar="<datetime>",
            help="When they begin; default: 1970, so that media time is event time, or 2026 where a clock is wrong.",
            show_default=False,
        ),
    ] = None,
    bitrate: Annotated[
        int | None,
        typer.Option(max=100_000, help="Of each video, kbit/s; default: as is usual for its size.", show_default=False),
    ] = None,
    workers: Workers = None,
) -> None:
    """Render the cameras of a preset to MP4 (H.264) with the truth beside them.

    Leaves, for each camera, CAMERA.mp4, CAMERA.gt.txt (MOT Challenge), CAMERA.times.txt and CAMERA.truth.jsonl
    (identities, masks, places, times), and cameras.toml for `corridor run`. Files appear when they are complete;
    cameras that are there already, made with the same options, are left alone.

    corridor city render rush-hour --seconds 60
    """
    recordings = _plan_recordings(preset, out, cameras, seconds, parse_starts_at(starts_at), bitrate)
    console = make_console()
    folder = _record(console, recordings, workers)
    # The media time of a recording does not drift: its frames are found by the recording, not by the camera's clock.
    drifts = any(find_camera(preset, each.index)[1].clock.drift_ppm for each in recordings)
    for line in (
        f"\n{len(recordings)} {'cameras' if len(recordings) > 1 else 'camera'} with truth in {folder}",
        f"Watch them:  corridor run {folder / 'cameras.toml'}",
        f"Score that:  corridor score {folder} {folder / LOG}{f' --video {folder}' if drifts else ''}",
    ):
        console.print(line, highlight=False, soft_wrap=True)


@app.command()
def serve(
    preset: PresetName,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0: any free one.")] = 8554,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    cameras: CameraNumbers = None,
    recorded: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of its recordings; default: runs/city/PRESET.", show_default=False),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Only the beginning.", show_default=False)] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Again and again, until Ctrl-C.")] = False,
    workers: Workers = None,
) -> None:
    """Play the cameras of a preset as RTSP streams in real time, with sender reports of their own clocks.

    What is not yet recorded is rendered first. The city's time begins when the first stream is asked for, and is the
    same for all. In an outage a camera falls silent; a wrong clock shows in its sender reports, as with real cameras.
    The configuration that watches the streams is left beside the recordings, as PRESET-live.toml.

    corridor city serve clock-skew
    """
    recordings = _plan_recordings(preset, recorded, cameras, seconds, None, None)
    console, clock = make_console(), SystemClock()
    paths = {each.camera: f"/{_preset_name(each.camera)}/{each.index}" for each in recordings}
    # Its name is that of its log and index: another preset has others.
    file = recordings[0].folder / f"{_preset_name(recordings[0].camera)}-live.toml"
    _check_generated(file)
    with RtspServer(port, host=host, clock=clock) as server:  # a port that is taken is said before minutes of rendering
        _record(console, recordings, workers)
        playback = Playback(clock, recordings[0].seconds, loop=loop)
        for each in recordings:
            mount(server, paths[each.camera], each, playback)
        streams = [(camera, server.url(path), None) for camera, path in paths.items()]
        _write_generated(file, configuration(streams) + KEEP_CROPS)
        for _, url, _ in streams:
            typer.echo(url)
        console.print(f"Watch them:  corridor run {file} --web :8600", highlight=False, soft_wrap=True)
        console.print("waiting for the first viewer; Ctrl-C ends it", highlight=False)
        stop = threading.Event()
        with stops_on_signal(stop.set):
            while not playback.over and not stop.is_set():
                clock.sleep(_PAUSE_S)
    if stop.is_set() and not loop:
        raise typer.Exit(ExitCode.STOPPED)
    console.print("stopped" if stop.is_set() else "played to the end", highlight=False)


def _preset_name(camera: str) -> str:
    """`rush-hour` of `rush-hour-3`."""
    return camera.rpartition("-")[0]


@app.command()
def presets() -> None:
    """List the presets: cameras, frame sizes, vehicles, weather, and where the traffic is from."""
    console = make_console()
    table = Table(box=None, header_style="bold cyan")
    for name in ("preset", "cameras", "seconds", "frame size", "frames/s", "vehicles", "weather", "traffic"):
        table.add_column(name, justify="right" if name in ("cameras", "seconds", "vehicles") else "left")
    for name, preset in PRESETS.items():
        sizes = dict.fromkeys(f"{spec.width}x{spec.height}" for spec in preset.cameras)
        rates = sorted({spec.fps for spec in preset.cameras})
        rain = ", rain" if preset.weather.rain else ""
        table.add_row(
            name,
            str(len(preset.cameras)),
            f"{preset.duration_s:.0f}",
            " ".join(sizes),
            " ".join(map(str, rates)),
            str(len(trips_of(preset))),
            preset.weather.light + rain,
            read_trace_header(preset.trace).source,
        )
    console.print(table)


@app.command()
def sheet(
    preset: Annotated[str | None, typer.Argument(help="A preset, or a .city file.", show_default=False)] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="A PNG.")] = RECORDINGS / "sheet.png",
    fleet: Annotated[bool, typer.Option("--fleet", help="Vehicles, instead of what the cameras see.")] = False,
    columns: Annotated[int, typer.Option(min=1, max=32, help="Tiles in a row.")] = 4,
    tile: Annotated[int, typer.Option(min=64, max=4096, help="Width of a tile, pixels.")] = 320,
) -> None:
    """Paint a contact sheet: what each camera of a preset sees, or with --fleet its vehicles."""
    _check_renderer()
    if preset is None and not fleet:
        raise ConfigError(f"name a preset ({', '.join(PRESETS)}), or ask for vehicles with --fleet")
    known = find_camera(preset or next(iter(PRESETS)), 0)[0]
    from ingest.synthetic.render.sheet import sheet_of_vehicles
    from ingest.synthetic.render.views import save_png, sheet_of_cameras

    console = make_console()
    with console.status("painting"):
        if fleet:
            vehicles = [trip.vehicle for trip in trips_of(known)[: columns * columns]]
            image = sheet_of_vehicles(vehicles, columns=columns, tile_px=tile)
        else:
            image = sheet_of_cameras(known, columns=columns, tile_px=tile)
        save_png(out, image)
    console.print(str(out), highlight=False, soft_wrap=True)


app.command("crops")(crops.crops)
app.command("observations")(observations.observations)
app.command("traffic")(traffic.traffic)


def _plan_recordings(
    name: str,
    folder: Path | None,
    cameras: str | None,
    seconds: float | None,
    starts_at: datetime | None,
    kilobits: int | None,
) -> list[Recording]:
    """Plan the recordings of the command's options; raises ConfigError for what cannot be recorded."""
    preset = find_camera(name, 0)[0]
    wrong = any(spec.clock != CameraClock() for spec in preset.cameras)
    starts_ns = start_ns(starts_at, otherwise_ns=_WRONG_CLOCKS_START_NS if wrong else 0)
    if seconds is not None and not 0 < seconds <= preset.duration_s:
        raise ConfigError(f"--seconds {seconds:g}: '{name}' lasts {preset.duration_s:g} s")
    if kilobits is not None and not 10 <= kilobits <= 100_000:
        raise ConfigError(f"--bitrate {kilobits}: expected 10 to 100000 kbit/s")
    made = []
    for index in _camera_indices(cameras, len(preset.cameras)):
        _, spec = find_camera(name, index)
        bits_per_s = surveillance_bits_per_s(spec.width, spec.height) if kilobits is None else kilobits * 1000
        where = folder if folder is not None else RECORDINGS / _preset_name(camera_id(preset, index))
        recording = Recording(name, index, where, starts_ns, seconds or preset.duration_s, bits_per_s)
        if recording.frames < 1:
            raise ConfigError(f"--seconds {seconds:g}: less than one frame of camera {index}, {spec.fps} a second")
        made.append(recording)
    return made


def _camera_indices(given: str | None, count: int) -> Sequence[int]:
    if given is None:
        return range(count)
    try:
        numbers = sorted({int(each) for each in given.split(",")})
    except ValueError:
        raise ConfigError(f"--cameras '{given}': expected numbers with commas between, such as 0,3") from None
    if not 0 <= numbers[0] <= numbers[-1] < count:
        raise ConfigError(f"--cameras '{given}': there are 0 to {count - 1}")
    return numbers


def _record(console: Console, recordings: Sequence[Recording], workers: int | None) -> Path:
    """Record what is missing, with a bar, and write the configuration that watches it; returns the folder."""
    folder = recordings[0].folder
    cameras = folder / "cameras.toml"
    _check_generated(cameras)
    missing = [each for each in recordings if not each.done]
    if missing:
        _check_renderer()
        processes = workers if workers is not None else len(os.sched_getaffinity(0))
        if processes < 1:
            raise ConfigError(f"--workers {processes}: expected at least 1")
        with _bar(console, missing) as report:
            record_all(missing, processes, report)
    if len(missing) < len(recordings):
        there = f"{len(recordings) - len(missing)} of {len(recordings)} cameras"
        console.print(f"already there in {folder}: {there}", highlight=False, soft_wrap=True)
    _write_generated(cameras, configuration([each.table() for each in recordings], log=folder / LOG))
    return folder


def _check_generated(path: Path) -> None:
    """Raise ConfigError where a configuration is somebody's own."""
    if path.is_file() and not path.read_text(errors="replace").startswith(GENERATED_HEADER):
        raise ConfigError(f"{path} was not written by `corridor city`; name another folder")


def _write_generated(path: Path, text: str) -> None:
    _check_generated(path)
    try:
        path.write_text(GENERATED_HEADER + text)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _bar(console: Console, recordings: Sequence[Recording]) -> Iterator[FrameReport]:
    """Shows frames, frames/s and the rest of the time of all cameras together."""
    done: dict[str, int] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"))
    with Progress(*columns, TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=console) as bar:
        what = f"rendering {len(recordings)} cameras"
        task = bar.add_task(what, total=sum(each.frames for each in recordings), rate="")

        def report(camera: str, frames: int) -> None:
            done[camera] = frames
            speed = bar.tasks[task].speed or math.nan
            bar.update(task, completed=sum(done.values()), rate="" if math.isnan(speed) else f"{speed:.0f}/s")

        yield report


def _check_renderer() -> None:
    if find_spec("panda3d") is None:
        raise ConfigError("rendering needs the extra 'city': pip install 'corridor[city]'")
