"""`corridor topology`: what association has learned of a site's roads, as a table, JSON, GraphML and a figure."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from associate.learned import LearnedCamera, LearnedPair, LearnedTopology, learned_topology
from associate.settings import AssociateSettings
from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console, moment, narrow_table, print_lines
from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.results.hourly_travel import HourlyTravel, hourly_travel
from deploy.results.journeys import read_events
from deploy.site.association_state import check_format, read_state
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError


def topology(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    graphml: Annotated[
        Path | None, typer.Option("--graphml", help="Also write the graph here, as GraphML.", show_default=False)
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", help="Also draw the graph here; needs corridor\\[score].", show_default=False),
    ] = None,
    min_links: Annotated[
        float, typer.Option("--min-links", min=0.0, help="Leave out pairs of cameras with fewer links.")
    ] = 3.0,
    by_hour: Annotated[
        bool, typer.Option("--by-hour", help="Also travel times by hour of the day, UTC, of all settled links.")
    ] = False,
) -> None:
    """Show what association has learned of a site's roads: where vehicles go next, how often, and in what time.

    For each ordered pair of cameras the share of the first one's exits that are seen next in the second, the links
    that this stands for, and the time from leaving the one view to entering the other; for each camera how many
    vehicles begin and end there. Numbers are expected ones: a link of probability 0.9 counts 0.9, and what is older
    than the memory weighs half after a day. Association may run meanwhile.

    corridor topology site.toml --png roads.png
    """
    config, undecoded = load_config(file), Undecoded()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        found = _learned(log, config.associate, min_links)
        hours = hourly_travel(read_events(log, undecoded), min_links) if by_hour else None
    if graphml is not None:
        from deploy.results.road_graph import write_graphml

        write_graphml(found, graphml)
    if png is not None:
        _draw(found, png)
    if as_json:
        more = {} if hours is None else {"hours": hours}
        print_lines([msgspec.json.encode(msgspec.to_builtins(found) | more)])
        end_reading(undecoded)
        return
    console = make_console(highlight=False)
    _print_tables(found, console)
    if hours is not None:
        names = ("from", "to", "hour", "links", "p15", "median", "p85")
        console.print(narrow_table("By hour, UTC", names, list(map(_hour_row, hours)), left=("to",), wraps="to"))
    for alarm in found.alarms:
        console.print(f"Not as before, since {moment(alarm.since_ns)}: {alarm}", soft_wrap=True)
    _print_left_out(found, min_links, console)
    for path in (graphml, png):
        if path is not None:
            console.print(f"The graph is {path}", soft_wrap=True)
    end_reading(undecoded)


def _learned(log: Log, settings: AssociateSettings, min_links: float) -> LearnedTopology:
    """Read what has been learned; raises ConfigError where that is nothing yet."""
    state = read_state(log, settings.zone)
    check_format(state, settings.zone)
    found = learned_topology(state, settings).from_links(min_links)
    if found.pairs:
        return found
    few = f": {found.fewer_links} have fewer (--min-links)" if found.fewer_links else ""
    raise ConfigError(
        f"zone '{settings.zone}' has not learned any road yet: no pair of its {len(found.cameras)} cameras "
        f"has {min_links:g} links{few}"
    )


def _draw(found: LearnedTopology, path: Path) -> None:
    """Draw the graph; raises ConfigError without matplotlib, or for a path that it cannot be drawn to."""
    from deploy.results.road_graph import road_graph

    if path.suffix.lower() != ".png":
        raise ConfigError(f"the figure {path}: expected a name that ends in .png")
    try:
        from training.topology_figure import draw
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--png needs {error.name}, which is not installed (install corridor[score]; --graphml needs nothing)"
        ) from error
    draw(road_graph(found), path)


def _print_tables(found: LearnedTopology, console: Console) -> None:
    names = ("from", "to", "share", "links", "p15", "median", "p85")
    rows = list(map(_pair_row, found.pairs))
    console.print(narrow_table("Where vehicles are seen next", names, rows, left=("to",), wraps="to"))
    rows = list(map(_camera_row, found.cameras))
    names = ("camera", "entries", "begin here", "", "exits", "end here", "")
    console.print(narrow_table("Where they begin and end", names, rows, wraps="camera"))


def _pair_row(pair: LearnedPair) -> list[str]:
    return [pair.start, pair.end, f"{pair.share:.0%}", f"{pair.links:.1f}", *_times(pair)]


def _hour_row(each: HourlyTravel) -> list[str]:
    return [each.start, each.end, f"{each.hour:02d}", f"{each.links:.1f}", *_times(each)]


def _times(each: LearnedPair | HourlyTravel) -> list[str]:
    return [f"{time_s:.1f} s" for time_s in (each.p15_s, each.median_s, each.p85_s)]


def _camera_row(each: LearnedCamera) -> list[str]:
    begins = [f"{each.entries:.1f}", f"{each.begins:.1f}", _percent(each.begin_share)]
    return [each.camera, *begins, f"{each.exits:.1f}", f"{each.ends:.1f}", _percent(each.end_share)]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _print_left_out(found: LearnedTopology, min_links: float, console: Console) -> None:
    lines = []
    if found.fewer_links:
        lines.append(
            f"{found.fewer_links} pairs with fewer than {min_links:g} links are left out "
            f"({found.links_left_out:.1f} links together)"
        )
    if found.other_horizon:
        lines.append(
            f"the past of {found.other_horizon} pairs was counted under another longest travel time and is not read"
        )
    for line in lines:
        console.print(line, soft_wrap=True)
