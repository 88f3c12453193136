"""`corridor encoder table` and `figures`: tables and figures of evaluated runs."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.cli.terminal.screen import make_console, print_lines
from training.datasets.prepared import need_torch
from training.evaluation.write_figures import write_figures


def table(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs that have been evaluated.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all metrics.")] = False,
) -> None:
    """Print one table, Markdown, of all evaluations of some runs; runs that differ in their seed alone are one line.

    The shuffled prior, that of another image, is the control: what a row gains over it is what the priors are worth.
    """
    need_torch()
    from training.evaluation.stored_evaluations import read_evaluations
    from training.evaluation.table import make_table, to_json, to_markdown

    lines = make_table(read_evaluations(runs))
    if as_json:
        entries = msgspec.json.encode(msgspec.to_builtins(to_json(lines), str_keys=True))
        print_lines([msgspec.json.format(entries)])
    else:
        print_lines([to_markdown(lines).encode()])


def figures(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a run.", show_default=False)],
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in veri:/data/VeRi.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the images.")],
    priors: Annotated[Path | None, typer.Option(help="What `encoder priors` has found for it.")] = None,
    beside: Annotated[Path | None, typer.Option(help="Another checkpoint to compare with: MSINet beside GRL.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other queries.")] = 0,
) -> None:
    """Draw the priors, where networks look, and queries with their best matches: right ones green, wrong ones red.

    Images of real vehicles are to be looked at, not published: plates can be read.
    """
    for path in write_figures(checkpoint, dataset, priors, beside, out, seed):
        make_console().print(str(path), highlight=False, soft_wrap=True)
