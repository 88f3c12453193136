"""`corridor explain`: why sightings are held to be one vehicle."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.outcome import end_reading
from deploy.cli.terminal.screen import make_console
from deploy.log.decoding import Undecoded
from deploy.results.explanation import BY_TWO_CAMERAS, TERMS, Explanation, Step, explain
from deploy.results.journeys import read_events
from deploy.site.config import load_config
from deploy.site.site_log import open_asked_log
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError


def explain_identity(
    identity: Annotated[str, typer.Argument(help="Its name, as in `corridor trajectories`: zone-17.")],
    file: Annotated[
        Path | None, typer.Argument(help="The configuration that names the log.", show_default=False)
    ] = None,
    log_url: Annotated[
        str | None,
        typer.Option("--log", help="The log instead; default: the only one below runs/.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write it here instead, as one page with the crops in it.", show_default=False),
    ] = None,
) -> None:
    """Explain an identity: for every sighting the probability of its link, what spoke for it, and the next best.

    Each term is the natural logarithm of a likelihood ratio: 2.3 is ten to one for the link, -2.3 ten to one against.
    The last column says which probability would be left without the term. Crops are those that the configuration
    keeps (\\[crops]); without one, there are none on the page.

    corridor explain zone-17 site.toml --html zone-17.html
    """
    undecoded = Undecoded()
    log = open_asked_log(file, log_url)
    try:
        found = explain(read_events(log, undecoded), identity)
    finally:
        log.close()
    if found is None:
        raise ConfigError(f"no event of this log is about '{identity}' (see its identities: corridor trajectories)")
    if html is None:
        _print(found, make_console())
    else:
        _write_page(found, file, html)
    end_reading(undecoded)


def _write_page(found: Explanation, file: Path | None, html: Path) -> None:
    from deploy.search.exporting import explain_as_page

    store = Path(load_config(file).crops.folder) if file is not None else None
    crops = explain_as_page(found, store, html, made_ns=SystemClock().now_ns(), version=version("corridor"))
    make_console().print(f"{html}: {len(found.steps)} sightings, {crops} crops", highlight=False, soft_wrap=True)


def _print(found: Explanation, console: Console) -> None:
    console.print(f"{found.identity}: {found.label}, {len(found.steps)} sightings", highlight=False)
    if found.merged_into is not None:
        console.print(f"It turned out to be {found.merged_into}.", highlight=False)
    for step in found.steps:
        _print_step(step, console)
    for observation, now in found.lost.items():
        whose = f"it is of {now} now" if now is not None else "it is of nobody known now"
        console.print(f"{observation.rpartition('|')[0]} was taken away again: {whose}", highlight=False)


def _print_step(step: Step, console: Console) -> None:
    seen = datetime.fromtimestamp(step.visit.enter_ns / NS, UTC)
    where = f"\n{step.visit.camera} at {seen:%Y-%m-%d %H:%M:%S} ({step.visit.observation.rpartition('|')[0]})"
    console.print(where, highlight=False, soft_wrap=True)
    evidence = step.evidence
    if evidence is None:
        console.print("  nothing was stated about it", highlight=False)
        return
    state = "settled" if step.settled else "may still be revised"
    what = "linked to the sighting before" if step.linked else "a vehicle not seen before"
    console.print(f"  {what}, probability {evidence.probability:.2f}; {state}", highlight=False)
    if evidence.runner_up is not None and evidence.margin is not None:
        rival = f"  the next best is {evidence.runner_up}, {evidence.probability - evidence.margin:.2f}"
        console.print(rival, highlight=False)
    if step.joined:
        console.print(f"  {BY_TWO_CAMERAS}", highlight=False)
    elif step.linked:
        console.print(_terms(step))


def _terms(step: Step) -> Table:
    table = Table(box=None, pad_edge=True)
    table.add_column("what spoke")
    table.add_column("term", justify="right")
    table.add_column("without it", justify="right")
    for name, words in TERMS.items():
        left = step.without(name)
        if left is not None:
            notes = {"appearance": "similarity", "travel_time": "travel_s"}
            value = getattr(step.evidence, notes[name]) if name in notes else None
            note = "" if value is None else f" ({value:.2f})" if name == "appearance" else f" ({value:.1f} s)"
            table.add_row(words + note, f"{getattr(step.evidence, name):+.1f}", f"{left:.2f}")
    return table
