"""`corridor watch`: vehicles that are watched for."""

import sys
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from associate.sightings.sighting import Filter
from deploy.cli.outcome import end_reading
from deploy.cli.search.search import find_query, time_ns
from deploy.cli.terminal.screen import make_console
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import MATCHES
from deploy.search.opening import open_index
from deploy.search.watchlist.adding import entry_of
from deploy.search.watchlist.entries import publish, read_watchlist, removal
from deploy.search.watchlist.matches import Match, MatchState
from deploy.search.watchlist.matches import decode as decode_match
from deploy.search.watchlist.past import Past, past_of
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError

DAY_S = 86_400.0

app = typer.Typer(
    no_args_is_help=True,
    help="Vehicles that are watched for: matches come onto the topic `matches`, while the site runs.",
)

ConfigFile = Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)]


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that is watched for, as `watch list` has it: its sightings that match now, and when the latest came."""

    name: str
    by: str
    added_ns: int
    until_ns: int | None
    min_probability: float
    encoder: str
    looks: int
    confirmed: int
    provisional: int
    latest_ns: int | None


@app.command("add")
def add(
    file: ConfigFile,
    image: Annotated[
        Path | None, typer.Argument(help="An image with the vehicle, .jpg or .png.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The name to watch by, at most 64 characters.")] = "",
    sighting: Annotated[str | None, typer.Option("--sighting", help="A tracklet instead, CAMERA|EPOCH|TRACK.")] = None,
    identity: Annotated[str | None, typer.Option("--identity", help="An identity instead: zone-17.")] = None,
    box: Annotated[
        str | None, typer.Option("--box", help="Where the vehicle is in the image, x,y,w,h in pixels.")
    ] = None,
    min_probability: Annotated[
        float, typer.Option("--min-probability", min=0.001, max=1, help="Least probability of a match.")
    ] = 0.9,
    until: Annotated[str | None, typer.Option("--until", help="Watch until a time, ISO 8601, UTC.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who watches: at most 64 characters.")] = "",
) -> None:
    """Watch for a vehicle: by an image, a sighting or an identity, from now on.

    A sighting matches as soon as it is probable enough, provisionally while the vehicle is in view, and is confirmed or
    withdrawn when it has left. What would have matched in the indexed past is said at once: choose the least
    probability by it.

    corridor watch add site.toml van.jpg --name 'white van' --min-probability 0.5 --until 2026-03-02T06:00
    """
    config, undecoded = load_config(file), Undecoded()
    until_ns = time_ns("--until", until)
    with (
        closing(open_site_log(config, file, must_exist=True)) as log,
        closing(open_index(config.search)) as index,
    ):
        if name in read_watchlist(log, undecoded):
            raise ConfigError(f"'{name}' is watched for already (corridor watch remove {file} --name '{name}')")
        query = find_query(config, index, image, sighting, identity, box)
        if until_ns is not None and (later := index.admitted(query.encoder, Filter(since_ns=until_ns))):
            raise ConfigError(f"--until {until} is over: {later} indexed sightings are later (give a later time)")
        entry = entry_of(
            log, query, name, min_probability=min_probability, until_ns=until_ns, by=by, now_ns=SystemClock().now_ns()
        )
        past = past_of(index, query, entry) if entry.encoder in index.encoders else None
        publish(log, config.associate.zone, [entry])
    console = make_console()
    end = "" if until_ns is None else f", until {datetime.fromtimestamp(until_ns / NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"'{name}' is watched for, from a probability of {min_probability:g} on{end}", highlight=False)
    console.print(_said(past), highlight=False, soft_wrap=True)
    end_reading(undecoded)


def _said(past: Past | None) -> str:
    if past is None:
        return "The index has no sighting by this encoder: how often it would have matched is not known."
    where = f"{past.searched} sightings of {_span(past.span_s)} that are indexed"
    if not past.matches:
        return f"Of the {where} none would have matched; the most probable one has {past.best:.2f}."
    at_least = "at least " if past.at_least else ""
    rate = f", {past.matches * DAY_S / past.span_s:.1f} a day" if past.span_s >= DAY_S else ""
    return (
        f"Of the {where} {at_least}{past.matches} would have matched{rate}; by their probabilities {past.expected:.1f} "
        "of them are the vehicle."
    )


def _span(seconds: float) -> str:
    for unit, words in ((DAY_S, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {words}"
    return f"{seconds:.0f} seconds"


@app.command("list")
def list_watched(
    file: ConfigFile,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also in a terminal.")] = False,
) -> None:
    """List what is watched for, with the number of matches: a table in a terminal, a JSON object a line in a pipe."""
    config, undecoded = load_config(file), Undecoded()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        entries = read_watchlist(log, undecoded)
        latest: dict[str, dict[str, Match]] = defaultdict(dict)
        for match in decoded(log, MATCHES, decode_match, undecoded):
            latest[match.watch][match.id] = match
    watched = []
    for entry in entries.values():
        matches = [each for each in latest[entry.name].values() if each.state is not MatchState.WITHDRAWN]
        states = [each.state for each in matches]
        watched.append(
            Watched(
                name=entry.name,
                by=entry.by,
                added_ns=entry.added_ns,
                until_ns=entry.until_ns,
                min_probability=entry.min_probability,
                encoder=entry.encoder,
                looks=len(entry.looks),
                confirmed=states.count(MatchState.CONFIRMED),
                provisional=states.count(MatchState.PROVISIONAL),
                latest_ns=max((each.last_ns for each in matches), default=None),
            )
        )
    if as_json or not sys.stdout.isatty():
        for each in watched:
            typer.echo(msgspec.json.encode(each).decode())
    else:
        make_console().print(_table(watched))
    end_reading(undecoded)


def _table(watched: list[Watched]) -> Table:
    table = Table("name", "from", "until", "least probability", "matches", "in view", "latest", box=None)
    for each in watched:
        table.add_row(
            each.name,
            _time(each.added_ns),
            _time(each.until_ns),
            f"{each.min_probability:g}",
            str(each.confirmed),
            str(each.provisional),
            _time(each.latest_ns),
        )
    return table


def _time(at_ns: int | None) -> str:
    return "" if at_ns is None else f"{datetime.fromtimestamp(at_ns / NS, UTC):%Y-%m-%d %H:%M:%S}"


@app.command("remove")
def remove(
    file: ConfigFile,
    name: Annotated[str, typer.Option("--name", help="The name that it was added by.")],
    by: Annotated[str, typer.Option("--by", help="Who removes it: at most 64 characters.")] = "",
) -> None:
    """Watch for a vehicle no more; its matches stay on the log until their retention."""
    config, undecoded = load_config(file), Undecoded()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        entries = read_watchlist(log, undecoded)
        if name not in entries:
            there = ", ".join(f"'{each}'" for each in entries) or "nothing"
            raise ConfigError(f"'{name}' is not watched for; there is {there}")
        publish(log, config.associate.zone, [removal(entries[name], SystemClock().now_ns(), by)])
    make_console().print(f"'{name}' is watched for no more", highlight=False)
    end_reading(undecoded)
