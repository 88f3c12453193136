"""`corridor export`: what was found of a vehicle, so that it can be checked later."""

from contextlib import closing, nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console
from deploy.log.decoding import Undecoded
from deploy.results.explanation import explain
from deploy.results.journeys import read_events
from deploy.search.exporting import export_identity
from deploy.search.forgotten import forgotten_tracklets
from deploy.search.index.catalogue import FILE
from deploy.search.opening import open_index
from deploy.site.config import load_config
from deploy.site.controls import checked_by
from deploy.site.site_log import open_site_log
from ingest.clock import SystemClock
from ingest.errors import ConfigError

JOURNAL = "exports.jsonl"


def export(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    identity: Annotated[str, typer.Argument(help="Its name, as in `corridor trajectories`: zone-17.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who asks: a name to find it by later, at most 64 characters.")] = "",
) -> None:
    """Export what is known of a vehicle: crops, times, evidence, encoder and hashes, as HTML and JSON.

    Every export is noted in a journal, exports.jsonl beside the index, with the hash of what was exported. What is
    exported is reached by no `corridor forget`.
    """
    checked_by(by)
    config, undecoded = load_config(file), Undecoded()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        found = explain(read_events(log, undecoded), identity)
        gone = forgotten_tracklets(log, undecoded)
    forgotten = 0
    if found is not None:
        there = [step for step in found.steps if step.visit.tracklet not in gone]
        forgotten, found = len(found.steps) - len(there), replace(found, steps=there)
        if forgotten and not there:
            raise ConfigError(f"'{identity}' was forgotten: there is nothing to export (corridor forget)")
    if found is None or not found.steps:
        raise ConfigError(f"no sighting on this log is of '{identity}' (see its identities: corridor trajectories)")
    folder = Path(config.search.folder)
    indexed = config.search.url is not None or (folder / FILE).is_file()
    with closing(open_index(config.search)) if indexed else nullcontext() as index:
        line = export_identity(
            found,
            index,
            Path(config.crops.folder),
            out,
            folder.with_name(JOURNAL),
            made_ns=SystemClock().now_ns(),
            by=by,
            version=version("corridor"),
        )
    make_console().print(
        f"{out}: {line.sightings} sightings, {line.crops} crops{_left_out(forgotten)}; noted in "
        f"{folder.with_name(JOURNAL)}",
        highlight=False,
        soft_wrap=True,
    )
    end_reading(undecoded)


def _left_out(forgotten: int) -> str:
    return f" (left out: {forgotten} sightings that were forgotten)" if forgotten else ""
