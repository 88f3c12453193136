"""`corridor weights`: which networks there are, fetch them, check them."""

from typing import Annotated, Any

import msgspec
import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from deploy.cli.terminal.screen import make_console
from deploy.weights import catalogue as weights
from deploy.weights import download
from deploy.weights.catalogue import Catalogue, Network, WeightsInspection, WeightsState
from ingest.errors import ConfigError, WeightsError

app = typer.Typer(
    no_args_is_help=True,
    help="Networks that Corridor runs but does not ship: list them, fetch them, check them.\n\n"
    "They lie in the folder CORRIDOR_WEIGHTS, else in runs/weights. Only `pull` uses the internet; on a "
    "machine without it, copy the files there yourself (`list --json` has their addresses) and run `verify`.",
)

STYLES = {WeightsState.PRESENT: "green", WeightsState.MISSING: "yellow", WeightsState.WRONG: "red"}


@app.command("list")
def list_networks(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON with every file's address, size and digest.")
    ] = False,
) -> None:
    """Show every network: what it is for, its size and licence, and whether its files are here.

    The state is `present` (published files or a known copy), `missing`, or `wrong` (`verify` says why).
    """
    folder = weights.weights_folder()
    catalogue = weights.load_catalogue()
    found = {name: weights.inspect(network, folder) for name, network in catalogue.networks.items()}
    if as_json:
        rows = [_as_json(name, catalogue.networks[name], inspection) for name, inspection in found.items()]
        document = {"folder": str(folder), "default": catalogue.default, "networks": rows}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    table = _table("name", "what for", "size", "licence", "state", "source")
    for name, inspection in found.items():
        network = catalogue.networks[name]
        source = inspection.release or network.published
        state = Text(inspection.state.value, STYLES[inspection.state])
        table.add_row(name, network.purpose, _megabytes(source.size), network.licence, state, Text(source.label))
    _print(table, f"Folder: {folder}")


@app.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Short names, as `list` shows them.", show_default=False)
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Fetch every network: with Grounding DINO and SAM 6 GB.")
    ] = False,
) -> None:
    """Fetch networks from their publishers; without names, the default detector.

    Files get their names only when size and digest are the published ones. What came of a download that
    broke off is kept as NAME.part; run the same command to continue. Networks already there are left alone.
    """
    catalogue = weights.load_catalogue()
    if every and names:
        raise ConfigError("give names of networks or --all, not both")
    asked = list(catalogue.networks) if every else names or [catalogue.default]
    networks = {name: catalogue.network(name) for name in asked}
    folder = weights.weights_folder()
    console = _console()
    for name, network in networks.items():
        with _progress(console) as bars:
            fetched = download.pull(name, network, folder, _Bars(bars))
        release = weights.inspect(network, folder).release or network.published
        verb = "fetched" if fetched else "already there"
        _say(console, f"{name}: {verb}, {release.label}, {network.licence}, in {folder / network.folder}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Short names, as `list` shows them.", show_default=False)
    ] = None,
) -> None:
    """Check files against published digests and known copies; without names, all that are in the folder.

    A network passes when all its files are of one release. Exits with 2 when one is missing or wrong.
    """
    catalogue = weights.load_catalogue()
    folder = weights.weights_folder()
    asked = names or _in_folder(catalogue)
    if not asked:
        raise WeightsError(f"no weights to verify in {folder} (run `corridor weights pull`)")
    found = {name: weights.inspect(catalogue.network(name), folder, fresh=True) for name in asked}
    table = _table("name", "file", "bytes", "verdict", "source")
    for name, inspection in found.items():
        _add_files(table, name, catalogue.network(name), inspection)
    notes = [f"{name}: {each.release.note}" for name, each in found.items() if each.release and each.release.note]
    _print(table, *notes, f"Folder: {folder}")
    wrong = [name for name, inspection in found.items() if inspection.state is not WeightsState.PRESENT]
    for name in wrong[1:]:
        _say(Console(stderr=True), found[name].problem)
    if wrong:
        weights.require(wrong[0], found[wrong[0]])


def _in_folder(catalogue: Catalogue) -> list[str]:
    folder = weights.weights_folder()
    return [
        name
        for name, network in catalogue.networks.items()
        if any(path.is_file() for path in network.paths(folder).values())
    ]


def _add_files(table: Table, name: str, network: Network, inspection: WeightsInspection) -> None:
    """One row for each file of a network: which release this file is, whatever the others are."""
    for file, path in network.paths(weights.weights_folder()).items():
        if file not in inspection.origins:
            table.add_row(name, file, "-", Text("missing", STYLES[WeightsState.MISSING]), "-")
            continue
        release = inspection.release or next(iter(inspection.origins[file]), None)
        if release is None:
            verdict, source = Text("refused", STYLES[WeightsState.WRONG]), "-"
        else:
            mixed = inspection.state is WeightsState.WRONG
            word = "published file" if release == network.published else "known copy"
            verdict = Text(f"{word}, alone" if mixed else word, STYLES[inspection.state])
            source = release.label
        table.add_row(name, file, str(path.stat().st_size), verdict, Text(source))


def _as_json(name: str, network: Network, inspection: WeightsInspection) -> dict[str, Any]:
    def files(release: weights.Release) -> dict[str, Any]:
        rows = [{**msgspec.to_builtins(file), "url": release.url(file)} for file in release.files]
        return {"label": release.label, "note": release.note, "files": rows}

    return {
        "name": name,
        "purpose": network.purpose,
        "size": network.published.size,
        "licence": network.licence,
        "state": inspection.state.value,
        "release": inspection.release.label if inspection.release else None,
        "problem": inspection.problem or None,
        "folder": network.folder or None,
        "published": files(network.published),
        "copies": [files(release) for release in network.copies],
    }


class _Bars:
    """A bar for each file, from the first report about it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, file: str, done: int, total: int) -> None:
        if file not in self._tasks:
            self._tasks[file] = self._progress.add_task(file, total=total)
        self._progress.update(self._tasks[file], completed=done)


def _progress(console: Console) -> Progress:
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _console() -> Console:
    return make_console(highlight=False)


def _say(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        whole = header in ("name", "size", "state")
        side: JustifyMethod = "right" if header in ("size", "bytes") else "left"
        table.add_column(header, justify=side, no_wrap=whole, overflow="fold")
    return table


def _print(table: Table, *footers: str) -> None:
    console = _console()
    console.print(table)
    for footer in footers:
        _say(console, footer)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
