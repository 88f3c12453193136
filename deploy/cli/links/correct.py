"""`corridor correct`: somebody who has looked says whether two sightings are one vehicle."""

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.site.config import load_config
from deploy.site.controls import correction_of, publish
from deploy.site.site_log import open_site_log

By = Annotated[str, typer.Option("--by", help="Who says so: a name to find it by later, at most 64 characters.")]


class Verdict(StrEnum):
    """Whether two tracklets are one vehicle."""

    SAME = "same"
    DIFFERENT = "different"


def correct(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    verdict: Annotated[Verdict, typer.Argument(help="What the two are: the same vehicle, or different ones.")],
    one: Annotated[str, typer.Argument(help="A tracklet, CAMERA|EPOCH|TRACK, or one of its observations.")],
    other: Annotated[str, typer.Argument(help="Another one.")],
    by: By = "",
) -> None:
    """Say whether two sightings are one vehicle: a correction, which association heeds when it comes to it.

    It stands on the log among the observations, so that a replay and a rebuild heed it in the same place. The ids are
    those of `visits` in the trajectories; they need quotes in a shell.

    corridor correct site.toml same 'north|1.0|17' 'south|1.0|4' --by 'night shift'
    """
    config = load_config(file)
    with closing(open_site_log(config, file, must_exist=True)) as log:
        control = correction_of(log, verdict.value, (one, other), by)
        publish(log, config.associate.zone, control)
    one, other = control.tracklets
    typer.echo(f"on the log: {one} and {other} are {'one vehicle' if verdict is Verdict.SAME else 'two vehicles'}")
