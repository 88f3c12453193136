"""`corridor crops`: use the crops that a run has kept."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console
from deploy.site.config import load_config
from ingest.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Use the crops that a run has kept (\\[crops] keep = true).")


@app.callback()
def crops() -> None:
    """Keeps `export` a command of the group, although it is the only one."""


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The configuration of the run, a TOML file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    singles: Annotated[bool, typer.Option("--singles", help="Also vehicles that only one camera has seen.")] = False,
    min_probability: Annotated[
        float,
        typer.Option("--min-probability", min=0, max=1, help="A link that is less probable makes two vehicles of one."),
    ] = 0.0,
    hold_out: Annotated[
        str | None,
        typer.Option(
            "--hold-out",
            help="A camera: the vehicles that it has seen are not for training, and its images ask for those of other "
            "cameras.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a training set of one's own: the crops of every vehicle that was linked from camera to camera.

    Writes images and a table of paths, identities and cameras, which `corridor encoder train` and `evaluate` take as
    `folder:OUT`. The identities are what the system believed, its mistakes included; corrections count as certain.

    corridor crops export site.toml runs/own --min-probability 0.95 --hold-out east
    """
    from deploy.crops.export import export_crops
    from deploy.crops.store import read_store
    from deploy.log.decoding import Undecoded
    from deploy.results.journeys import read_journeys
    from deploy.site.site_log import open_site_log

    config = load_config(run)
    store = Path(config.crops.folder)
    if not store.is_dir():
        raise ConfigError(f"there are no crops in {store} (run with [crops] keep = true)")
    log = open_site_log(config, run, must_exist=True)
    undecoded = Undecoded()
    counts = export_crops(
        read_journeys(log, undecoded),
        read_store(store),
        store,
        out,
        singles=singles,
        min_probability=min_probability,
        hold_out=hold_out,
    )
    parts = "" if hold_out is None else f": {counts.images - counts.held_out} to train on, {counts.held_out} to test by"
    reasons = [f"{counts.unlinked} stored tracklets of no linked vehicle", f"{counts.gone} crops deleted meanwhile"]
    if min_probability:
        reasons.append(f"{counts.cut} tracklets that {counts.cuts} links of less than {min_probability:g} had linked")
    if hold_out is not None:
        reasons.append(f"{counts.alone} of vehicles that {hold_out} alone has seen")
    make_console().print(
        f"{out}: {counts.images} images of {counts.identities} vehicles by {counts.cameras} cameras{parts} "
        f"(left out: {', '.join(reasons)})",
        highlight=False,
        soft_wrap=True,
    )
    end_reading(undecoded)
