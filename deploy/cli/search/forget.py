"""`corridor forget`: delete what the index has of a vehicle."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.screen import make_console
from deploy.search.forgetting import forget
from deploy.search.opening import place_of
from deploy.site.config import load_config
from deploy.site.controls import checked_by
from deploy.site.site_log import open_site_log
from ingest.clock import SystemClock


def forget_identity(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    identity: Annotated[str, typer.Argument(help="Its name, as in `corridor trajectories`: zone-17.")],
    by: Annotated[str, typer.Option("--by", help="Who asks: a name to find it by later, at most 64 characters.")] = "",
) -> None:
    """Delete a vehicle from the index and its crops, for good: it is found no more, by nobody.

    A tombstone on the log makes every index of this log delete the same tracklets, and never take them in again. What
    is not reached, it says: the log's own records, which go by the log's retention, and copies that were exported.
    """
    checked_by(by)
    config = load_config(file)
    with closing(open_site_log(config, file, must_exist=True)) as log:
        done = forget(config, log, identity, by, SystemClock())
    console = make_console()
    console.print(
        f"{identity}: {done.sightings} sightings deleted from {place_of(config.search)}, {done.crops} files of crops "
        f"from {config.crops.folder}; a tombstone is on the log",
        highlight=False,
        soft_wrap=True,
    )
    if done.watches:
        names = ", ".join(f"'{each}'" for each in done.watches)
        console.print(
            f"Watched for no more: {names}, by whose looks it would be found", highlight=False, soft_wrap=True
        )
    console.print(
        f"Not reached: {done.records} records of the log itself, until its retention removes them "
        "(docs/searching.md), and what was exported or copied before.",
        highlight=False,
        soft_wrap=True,
    )
    if done.waiting:
        typer.echo(f"not everything was done: {done.waiting} (exit code {ExitCode.PARTLY})", err=True)
        raise typer.Exit(ExitCode.PARTLY)
