"""`corridor index`: the index of all sightings, from the log."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.exit_codes import ExitCode
from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console
from deploy.log.address import on_this_machine
from deploy.search.index.writer import IndexWriter
from deploy.search.indexing import Indexer
from deploy.search.opening import open_index, remove_index
from deploy.search.watchlist.watcher import Watcher
from deploy.site.config import Config, load_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError
from ingest.signals import stops_on_signal


def index(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    once: Annotated[bool, typer.Option("--once", help="End when all that is on the log has been taken in.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Begin again with the first record that is still on the log.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read every file first, and mend from the log what is damaged.")
    ] = False,
    migrate: Annotated[
        bool,
        typer.Option("--migrate", help="Embed kept crops anew first, where another encoder has made their vectors."),
    ] = False,
) -> None:
    """Keep the index of all sightings up to date with the log, until Ctrl-C; `corridor search` asks it.

    `corridor run` does the same with \\[search] index = true. The index is in \\[search] folder; every tracklet that
    has closed is one sighting in it. What is on the log no more comes back by no rebuild.
    """
    config = load_config(file)
    stop = threading.Event()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        if rebuild:
            remove_index(config.search)
        with (
            closing(Indexer(log, config.search)) as indexer,
            closing(Watcher(log, config.associate.zone, config.search, indexer.undecoded)) as watcher,
            stops_on_signal(stop.set),
        ):
            lost = indexer.mend() if check else 0
            stayed = _migrate(config, indexer) if migrate else 0
            if once:
                indexer.drain()
                watcher.drain()
            else:
                indexer.run(stop, patient=not on_this_machine(config.log.url), watch=watcher.step)
            counts, useless, undecoded = indexer.counts, indexer.useless, indexer.undecoded
            replaced = indexer.replaced
    with closing(open_index(config.search)) as made:
        sizes = made.encoders
    console = make_console()
    for encoder, size in sizes.items():
        console.print(f"{size.sightings} sightings by {encoder}, {size.coded} of them with codes", highlight=False)
    words = [f"{counts['taken']} taken in"]
    words += [f"{counts[name]} {name}" for name in ("deleted", "forgotten") if counts[name]]
    words += [f"{replaced} of owners that had been replaced left out"] if replaced else []
    words += [f"{useless} without a usable vector left out"] if useless else []
    words += [f"{lost} damaged and on the log no more"] if lost else []
    console.print(", ".join(words), highlight=False)
    end_reading(undecoded)
    if useless or lost or stayed:
        raise typer.Exit(ExitCode.PARTLY)


def _migrate(config: Config, indexer: Indexer) -> int:
    """Move sightings to the configured encoder; returns how many stay, because no crop of them is left."""
    from deploy.search.migrating import migrate

    if not isinstance(indexer.writer, IndexWriter):
        raise ConfigError(
            "--migrate is for an index in a folder; in PostgreSQL, rebuild it from a log of the new encoder"
        )
    from deploy.site.wiring import make_vehicle_encoder

    encoder = make_vehicle_encoder(config.embed, config.detect, config.foundation)
    counts = migrate(indexer.writer, Path(config.crops.folder), encoder)
    make_console().print(
        f"{counts.moved} sightings have vectors by {encoder.id} now; {counts.stayed} stay with another encoder's, "
        "because no crop of them is left",
        highlight=False,
    )
    return counts.stayed
