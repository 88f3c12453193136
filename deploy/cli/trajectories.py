"""`corridor trajectories`: what the log says about vehicles."""

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from associate.trajectory import decode
from deploy.cli.exit_codes import ExitCode
from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import live_view, make_console, print_lines, trajectory_table
from deploy.log.base import Log
from deploy.log.decoding import BATCH, Undecoded
from deploy.log.topics import TRAJECTORIES
from deploy.results.journeys import read_journeys
from deploy.results.recent_journeys import newest_first
from deploy.site.site_log import open_asked_log
from ingest.signals import stops_on_signal

POLL_S = 0.1


def trajectories(
    file: Annotated[
        Path | None, typer.Argument(help="The configuration that names the log.", show_default=False)
    ] = None,
    log_url: Annotated[
        str | None,
        typer.Option("--log", help="The log instead; default: the only one below runs/.", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new events come, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, also in a terminal.")] = False,
) -> None:
    """Show trajectories: a table in a terminal, every event as a JSON line in a pipe.

    Every line is one revision of one identity (docs/consuming.md). With jq, the cameras of every vehicle,
    as they are found:

    corridor trajectories -f | jq -r 'select(.kind | IN("confirmed", "extended")) | [.identity, .visits[].camera]'
    """
    log = open_asked_log(file, log_url)
    stop, undecoded = threading.Event(), Undecoded()
    with stops_on_signal(stop.set):
        if as_json or not sys.stdout.isatty():
            _print_json(log, follow, stop, undecoded)
            if stop.is_set() and not follow:
                raise typer.Exit(ExitCode.STOPPED)
        elif follow:
            with live_view(make_console(), log, None) as journeys:
                stop.wait()
            undecoded = journeys.undecoded
        else:
            latest = read_journeys(log, undecoded).latest.values()
            make_console().print(trajectory_table(newest_first(list(latest))))
    end_reading(undecoded)


def _print_json(log: Log, follow: bool, stop: threading.Event, undecoded: Undecoded) -> None:
    """Print the events as they stand on the log, fields of later versions included."""
    offset = 0
    while not stop.is_set():
        stored = log.read(TRAJECTORIES, offset, BATCH)
        if stored:
            print_lines([each.value for each in stored if undecoded.decode(TRAJECTORIES, each, decode) is not None])
            offset = stored[-1].offset
        elif follow:
            stop.wait(POLL_S)
        else:
            return
