"""`corridor demo`: the whole system in a synthetic city."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.cli.outcome import end_run
from deploy.cli.run import summarise
from deploy.cli.run_images import run_images
from deploy.cli.terminal.screen import live_view, make_console
from deploy.log.decoding import Undecoded
from deploy.log.opening import open_log
from deploy.log.settings import LogSettings
from deploy.results.journeys import read_journeys
from deploy.site.config import parse_config
from deploy.site.session import run_together
from ingest.clock import SystemClock
from ingest.errors import ConfigError, SourceError


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the log and the images go.")] = Path("runs/demo"),
) -> None:
    """Three cameras in a synthetic city: see vehicles move from camera to camera.

    Needs no downloads, no GPU and no network: vehicles are found by their motion and distinguished by the encoder that
    comes with the program.
    Leaves a video of all cameras with global identities, and a sheet with one row a vehicle.
    """
    from deploy.site.wiring import make_association_worker, make_perception_worker

    text = files("deploy.examples").joinpath("demo.toml").read_text()
    log_path = out / "demo.db"
    config = msgspec.structs.replace(parse_config(text, "demo.toml"), log=LogSettings(url=f"sqlite:{log_path}"))
    try:
        for old in (log_path, out / "demo.db-wal", out / "demo.db-shm"):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot replace {log_path}: {error.strerror} (name another folder with --out)") from error
    console, clock = make_console(), SystemClock()
    log = open_log(config.log.url)
    with run_images(out / "mosaic.mp4", out / "vehicles.png") as images:
        perception = make_perception_worker(config, log, tap=images.album)
        association = make_association_worker(config, log)
        if not console.is_terminal:
            console.print("three cameras, a minute and a half of traffic each; this takes about two minutes ...")
        began_s = clock.monotonic_s()
        with live_view(console, log, perception):
            run_together(perception, association)
        undecoded = Undecoded()
        summarise(console, log, perception, config.log, undecoded)
        console.print(f"({clock.monotonic_s() - began_s:.0f} s)\n", highlight=False)
        if not any(runtime.analysed for runtime in perception.runtimes.values()):
            end_run(perception)  # says why, or that it was stopped
            raise SourceError("the demo has not shown a single frame; try again, and report it if that does not help")
        images.paint(console, log, undecoded)
    end_run(
        perception, dead_letters=association.counts["dead_letters"], undecoded=undecoded, images_lack=images.lacking
    )
    if not read_journeys(log, undecoded).linked:
        raise SourceError("no vehicle has been linked from camera to camera; please report it with what stands above")
    images.raise_problem()
