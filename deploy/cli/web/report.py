"""`corridor report`: travel times, counts, and where vehicles go."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console, narrow_table
from deploy.cli.times import THIS_MACHINE, parse_time
from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.site.association_state import read_state
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from deploy.web.index.store import Index

app = typer.Typer(
    no_args_is_help=True,
    help="Travel times, counts, and where vehicles go: tables, or CSV in a pipe.\n\n"
    "The same as the page *Travel times* of `corridor serve`. Without --from it is the last day of the log.",
)

ConfigFile = Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="<datetime>", help="From this time on, of this machine's zone.", show_default=False),
]
To = Annotated[str | None, typer.Option("--to", metavar="<datetime>", help="Before this time.", show_default=False)]
Minutes = Annotated[int, typer.Option("--minutes", min=1, max=1440, help="Length of a step.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV also in a terminal.")]
ROWS = 60
"""Rows of a table in a terminal; CSV has all of them."""


@app.command()
def travel(file: ConfigFile, start: From = None, end: To = None, minutes: Minutes = 5, csv: AsCsv = False) -> None:
    """Travel times by pair of cameras and step: median with its 95 % interval, percentiles, share of those who left."""
    _report("travel-times", file, csv, start, end, minutes=minutes)


@app.command()
def counts(file: ConfigFile, start: From = None, end: To = None, minutes: Minutes = 5, csv: AsCsv = False) -> None:
    """Vehicles by camera, kind and step."""
    _report("counts", file, csv, start, end, minutes=minutes)


@app.command()
def od(file: ConfigFile, start: From = None, end: To = None, csv: AsCsv = False) -> None:
    """Vehicles by the camera that saw them first and the one that saw them last."""
    _report("od", file, csv, start, end)


def _report(name: str, file: Path, csv: bool, start: str | None, end: str | None, **asked: Any) -> None:
    from deploy.web.index.follower import Follower
    from deploy.web.index.place import index_file
    from deploy.web.index.store import Index
    from deploy.web.reading.csv_text import csv_text
    from deploy.web.reports import REPORTS

    report, config = REPORTS[name], load_config(file)
    query = report.query(start=_time("--from", start), end=_time("--to", end), **asked)
    with (
        closing(open_site_log(config, file, must_exist=True)) as log,
        closing(Index(index_file(file), log)) as index,
    ):
        follower = Follower(log, index)
        while follower.step():
            pass
        _check_linked(index, log, config.associate.zone, follower.undecoded)
        rows = report.read(index, query).rows
    if not rows:
        raise ConfigError(
            "there is nothing to report in this time (give --from and --to, or look at the log first)"
            f"{_also(follower.undecoded)}"
        )
    if csv or not sys.stdout.isatty():
        sys.stdout.write(csv_text(report.row, rows))
    else:
        _print(report.row, rows)
    end_reading(follower.undecoded)


def _time(option: str, text: str | None) -> datetime | None:
    """An option's ISO 8601 time, of this machine's zone by default; raises ConfigError for what is none."""
    from deploy.web.reading.times import ns_of
    from deploy.web.reading.windows import FURTHEST_NS

    if text is None:
        return None
    at = parse_time(option, text, THIS_MACHINE)
    # Checked before `astimezone`, which fails at the calendar's ends.
    if abs(ns_of(at if at.tzinfo else at.replace(tzinfo=UTC))) > FURTHEST_NS:
        raise ConfigError(f"{option} '{text}' is not between the years 1678 and 2262; give another time")
    return at if at.tzinfo else at.astimezone()


def _check_linked(index: "Index", log: Log, zone: str, undecoded: Undecoded) -> None:
    """Raise ConfigError where association has found no vehicle at all: no other time would help."""
    if index.row("SELECT 1 FROM visits LIMIT 1") is not None:
        return
    read_state(log, zone, also=_also(undecoded))
    raise ConfigError(f"association of zone '{zone}' has found no vehicle on this log yet{_also(undecoded)}")


def _also(undecoded: Undecoded) -> str:
    return f"; {undecoded}" if undecoded.total else ""


def _print(kind: type[msgspec.Struct], rows: list[Any]) -> None:
    console, names = make_console(), kind.__struct_fields__
    cells = [[_words(getattr(row, name)) for name in names] for row in rows[:ROWS]]
    texts = tuple(name for name in names if name in ("origin", "destination", "camera", "label", "begin"))
    console.print(narrow_table("", names, cells, left=texts, wraps=names[0]))
    if len(rows) > ROWS:
        console.print(f"and {len(rows) - ROWS} more rows (--csv has all of them)", highlight=False)


def _words(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
