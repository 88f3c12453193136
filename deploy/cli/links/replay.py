"""`corridor replay`: the links that another configuration, or another version, would have found in a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.cli.exit_codes import ExitCode
from deploy.log.base import Log
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS
from deploy.results.journeys import read_journeys
from deploy.results.reading import open_named_log
from deploy.site.config import load_config
from ingest.clock import SystemClock
from ingest.errors import ConfigError


def replay(
    log: Annotated[
        str,
        typer.Argument(
            help="The log to read: a path, sqlite:PATH, kafka://…, or the site's configuration.", show_default=False
        ),
    ],
    config: Annotated[
        Path, typer.Option("--config", help="The configuration to associate with, a TOML file.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The log to write, a path. Default: runs/NAME/replay.db", show_default=False),
    ] = None,
) -> None:
    """Associate the observations of a log once more, into a new log, as fast as the processor allows.

    To see what another setting would have done: the cameras are not needed, and the log that is read stays as it is.

    corridor replay runs/site/corridor.db --config other.toml -o runs/other.db
    corridor diff runs/site/corridor.db runs/other.db
    """
    settings = load_config(config)
    from deploy.site.replay import replay as replay_into
    from deploy.site.wiring import make_associator

    path = out or Path("runs") / config.stem / "replay.db"
    associator = make_associator(settings)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    with closing(open_named_log(log)) as source:
        end = source.end(OBSERVATIONS)
        if not source.read(OBSERVATIONS, 0, 1):
            raise ConfigError(f"the log {log} has no observations to associate")
        with _progress(end) as report:
            counts = replay_into(source, path, settings.associate.zone, associator, report)
    elapsed_s = clock.monotonic_s() - began_s
    with closing(open_log(f"sqlite:{path}", must_exist=True)) as made:
        _summarise(made, counts["records"], counts["events"], elapsed_s)
    letters = counts["dead_letters"]
    Console().print(f"The log is {path}; compare: corridor diff {log} {path}", highlight=False, soft_wrap=True)
    if letters:
        typer.echo(
            f"not everything was done: {letters} records were of no use to association (dead letters) "
            f"(exit code {ExitCode.PARTLY})",
            err=True,
        )
        raise typer.Exit(ExitCode.PARTLY)


def _summarise(log: Log, records: int, events: int, elapsed_s: float) -> None:
    journeys = read_journeys(log)
    Console().print(
        f"{records} records, {events} events in {elapsed_s:.1f} s ({records / elapsed_s:.0f} records/s): "
        f"{len(journeys.identity_of)} sightings of {len(journeys.latest)} vehicles; "
        f"{len(journeys.linked)} were seen by more than one camera",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def _progress(end: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; the body gets what moves it."""
    columns = (TextColumn("records"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("records", total=end)
        yield lambda offset: bar.update(task, completed=offset)
