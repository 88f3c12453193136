"""`corridor report`: travel times, counts, and where vehicles go."""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from deploy.cli.terminal.screen import make_console, narrow_table
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError

app = typer.Typer(
    no_args_is_help=True,
    help="Travel times, counts, and where vehicles go: tables, or CSV in a pipe.\n\n"
    "The same as the page *Travel times* of `corridor serve`. Without --from it is the last day of the log.",
)

ConfigFile = Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)]
From = Annotated[
    datetime | None, typer.Option("--from", help="From this time on, of this machine's zone.", show_default=False)
]
To = Annotated[datetime | None, typer.Option("--to", help="Before this time.", show_default=False)]
Minutes = Annotated[int, typer.Option("--minutes", min=1, max=1440, help="Length of a step.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV also in a terminal.")]
ROWS = 60
"""Rows of a table in a terminal; CSV has all of them."""


@app.command()
def travel(file: ConfigFile, start: From = None, end: To = None, minutes: Minutes = 5, csv: AsCsv = False) -> None:
    """Travel times by pair of cameras and step: median with its 95 % interval, percentiles, share of those who left."""
    _report("travel-times", file, csv, start=_with_zone(start), end=_with_zone(end), minutes=minutes)


@app.command()
def counts(file: ConfigFile, start: From = None, end: To = None, minutes: Minutes = 5, csv: AsCsv = False) -> None:
    """Vehicles by camera, kind and step."""
    _report("counts", file, csv, start=_with_zone(start), end=_with_zone(end), minutes=minutes)


@app.command()
def od(file: ConfigFile, start: From = None, end: To = None, csv: AsCsv = False) -> None:
    """Vehicles by the camera that saw them first and the one that saw them last."""
    _report("od", file, csv, start=_with_zone(start), end=_with_zone(end))


def _with_zone(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone()


def _report(name: str, file: Path, csv: bool, **asked: Any) -> None:
    from deploy.web.index.follower import Follower
    from deploy.web.index.place import index_file
    from deploy.web.index.store import Index
    from deploy.web.reading.csv_text import csv_text
    from deploy.web.reports import REPORTS

    report = REPORTS[name]
    with (
        closing(open_site_log(load_config(file), file, must_exist=True)) as log,
        closing(Index(index_file(file), log)) as index,
    ):
        follower = Follower(log, index)
        while follower.step():
            pass
        rows = report.read(index, report.query(**asked)).rows
    if not rows:
        raise ConfigError("there is nothing to report in this time (give --from and --to, or look at the log first)")
    if csv or not sys.stdout.isatty():
        sys.stdout.write(csv_text(report.row, rows))
    else:
        _print(report.row, rows)
    if follower.undecoded.total:
        typer.echo(f"not all of the log is in it: {follower.undecoded}", err=True)


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
