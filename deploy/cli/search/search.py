"""`corridor search`: where a vehicle has been seen."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from associate.sightings.sighting import Filter
from deploy.cli.terminal.screen import make_console
from deploy.cli.times import parse_time
from deploy.search.asking import FoundVehicle, Query, Results, identity_query, narrowed, search, sighting_query
from deploy.search.opening import Index, open_index
from deploy.site.config import Config, load_config
from ingest.clock import NS
from ingest.errors import ConfigError

SHOWN = 4
"""Sightings of a vehicle in the table."""


def search_sightings(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    image: Annotated[
        Path | None, typer.Argument(help="An image with the vehicle, .jpg or .png.", show_default=False)
    ] = None,
    sighting: Annotated[
        str | None, typer.Option("--sighting", help="A tracklet instead, CAMERA|EPOCH|TRACK, or its observation.")
    ] = None,
    identity: Annotated[str | None, typer.Option("--identity", help="An identity instead: zone-17.")] = None,
    box: Annotated[
        str | None, typer.Option("--box", help="Where the vehicle is in the image, x,y,w,h in pixels.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only sightings after a time, ISO 8601, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only sightings before a time, ISO 8601, UTC.")] = None,
    camera: Annotated[list[str] | None, typer.Option("--camera", help="Only by this camera; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="Only of this kind; may be repeated.")] = None,
    colour: Annotated[list[str] | None, typer.Option("--colour", help="Only of this colour; may be repeated.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=400, help="Most vehicles that are shown.")] = 10,
    min_probability: Annotated[
        float, typer.Option("--min-probability", min=0, max=1, help="Least probability of those that are shown.")
    ] = 0.0,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Order by k-reciprocal neighbours (docs/searching.md: what it is worth).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also in a terminal.")] = False,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Paint the crops of what was found, a .png.", show_default=False)
    ] = None,
) -> None:
    """Find a vehicle in everything that the cameras have seen: by an image, a sighting or an identity.

    What comes back are identities, each with the probability that it is the same vehicle, given how many sightings
    were searched, and where and when they were. The index is made by `corridor index`, or by `run` with
    \\[search] index = true.

    corridor search site.toml car.jpg --since 2026-03-01T07:00 --camera north --camera bridge
    """
    config = load_config(file)
    since_ns, until_ns = time_ns("--since", since), time_ns("--until", until)
    if since_ns is not None and until_ns is not None and until_ns < since_ns:
        raise ConfigError(f"--until {until} is before --since {since} (turn them round)")
    wanted = Filter(
        since_ns=since_ns,
        until_ns=until_ns,
        cameras=_cameras(config, camera or []),
        labels=tuple(label or ()),
        colours=_colours(config, colour or []),
    )
    with closing(open_index(config.search)) as index:
        query = find_query(config, index, image, sighting, identity, box)
        query = narrowed(query, wanted, top=top, min_probability=min_probability, rerank=rerank)
        results = search(index, query)
    if not results.vehicles:
        if not results.below:
            raise ConfigError(f"nothing but what was asked with is indexed (of {results.searched} sightings)")
        raise ConfigError(
            f"no vehicle has a probability of {min_probability:g} or more (lower --min-probability: {results.below} "
            f"have less, at most {results.best:.2f})"
        )
    if sheet is not None:
        from deploy.results.search_sheet import write_search_sheet

        lacking = write_search_sheet(sheet, results.vehicles, Path(config.crops.folder))
        if lacking:
            typer.echo(f"{lacking} sightings have no crop any more, or never had one, and are gray", err=True)
    if as_json or not sys.stdout.isatty():
        typer.echo(msgspec.json.encode(results).decode())
    else:
        _print(results, make_console())


def find_query(
    config: Config,
    index: Index,
    image: Path | None,
    sighting: str | None,
    identity: str | None,
    box: str | None,
) -> Query:
    """The query of an image, a sighting or an identity; raises ConfigError unless it is one of them."""
    if sum(each is not None for each in (image, sighting, identity)) != 1:
        raise ConfigError("give one of: an image, --sighting or --identity")
    if box is not None and image is None:
        raise ConfigError("--box says where the vehicle is in an image; give the image")
    if sighting is not None:
        return sighting_query(index, sighting)
    if identity is not None:
        return identity_query(index, identity)
    assert image is not None
    from deploy.search.images import image_query  # loads the detector's and the encoder's libraries
    from training.datasets.images import read_image

    query, _ = image_query(config, read_image(image), str(image), None if box is None else _box(box))
    return query


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = map(float, text.split(","))
    except ValueError:
        raise ConfigError(f"--box '{text}' is not x,y,w,h (four numbers in pixels)") from None
    return left, top, width, height


def time_ns(option: str, text: str | None) -> int | None:
    """Unix nanoseconds of an option's ISO 8601 time, UTC by default; raises ConfigError for what is none."""
    if text is None:
        return None
    time = parse_time(option, text)
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * NS)


def _cameras(config: Config, names: list[str]) -> tuple[str, ...]:
    unknown = sorted(set(names) - set(config.camera_ids))
    if unknown:
        raise ConfigError(f"--camera: no camera {', '.join(unknown)}; there are {', '.join(config.camera_ids)}")
    return tuple(names)


def _colours(config: Config, names: list[str]) -> tuple[str, ...]:
    if names and not config.embed.attributes:
        raise ConfigError(
            "--colour: sightings have no colour, because [embed] attributes is not switched on (set it to true; "
            "sightings from then on have one)"
        )
    return tuple(names)


def _print(results: Results, console: Console) -> None:
    table = Table(box=None)
    for name in ("probability", "identity", "seen by", "from", "to", "similarity"):
        table.add_column(name, justify="right" if name in ("probability", "similarity") else "left")
    for vehicle in results.vehicles:
        for place, each in enumerate(vehicle.sightings[:SHOWN]):
            first = [f"{vehicle.probability:.2f}", _name(vehicle)] if place == 0 else ["", ""]
            seen = each.sighting
            times = (
                f"{datetime.fromtimestamp(at / NS, UTC):%Y-%m-%d %H:%M:%S}" for at in (seen.first_ns, seen.last_ns)
            )
            table.add_row(*first, seen.camera, *times, f"{each.similarity:.2f}")
        if len(vehicle.sightings) > SHOWN:
            table.add_row("", "", f"and {len(vehicle.sightings) - SHOWN} more", "", "", "")
    console.print(table)
    how = "all compared" if results.exact else "by their codes"
    below = f"; {results.below} less probable vehicles are not shown" if results.below else ""
    beyond = f"; {results.beyond} more than --top shows" if results.beyond else ""
    console.print(f"{results.searched} sightings were searched, {how}{below}{beyond}", highlight=False)


def _name(vehicle: FoundVehicle) -> str:
    if vehicle.identity is None:
        return "without identity"
    return f"{vehicle.identity} (asked for)" if vehicle.asked else vehicle.identity
