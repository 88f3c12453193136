"""`corridor encoder`: train and evaluate re-identification encoders."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from deploy.cli.encoder.average import average
from deploy.cli.encoder.calibrate import calibrate
from deploy.cli.encoder.export import Feature, export
from deploy.cli.encoder.priors import priors
from deploy.cli.encoder.project import project
from deploy.cli.encoder.tables import figures, table
from deploy.cli.encoder.teach import teach
from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.screen import make_console, print_lines
from training.encoder.config import load_encoder_config
from training.encoder.configured import train_encoder
from training.evaluation.evaluate import evaluate_encoder, evaluate_fold_runs

if TYPE_CHECKING:
    from training.encoder.journal import TrainingProgress
    from training.evaluation.protocols import EvaluationRow

app = typer.Typer(no_args_is_help=True, help="Train encoders, and see how well they find vehicles again.")
app.command("priors")(priors)
app.command("export")(export)
app.command("average")(average)
app.command("calibrate")(calibrate)
app.command("project")(project)
app.command("teach")(teach)
app.command("table")(table)
app.command("figures")(figures)

RANKS = (1, 5, 10)


@app.command()
def train(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in its `out` stands.")] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE over the file, as in seed=1 or model.name=osnet.")
    ] = None,
) -> None:
    """Train an encoder as a TOML file says; Ctrl-C ends it after the step it is in, with exit code 130, and
    --resume goes on.

    Its folder gets checkpoint.pt, log.jsonl with a line an epoch, and tensorboard/. Several GPUs, or processes:
    torchrun --nproc-per-node N -m deploy.cli.main encoder train FILE.
    """
    config = load_encoder_config(file, changes or ())
    console = Console(stderr=True, highlight=False)
    with _progress(console) as report:
        trainer = train_encoder(
            config, resume=resume, notify=lambda line: console.print(line, soft_wrap=True), report=report
        )
    if not trainer.context.is_leader:
        return
    done = trainer.epoch == config.recipe.epochs
    state = "trained" if done else f"stopped in epoch {trainer.epoch + 1}, go on with --resume"
    make_console().print(f"{state}: {trainer.spec.checkpoint}", highlight=False, soft_wrap=True)
    if not done:
        raise typer.Exit(ExitCode.STOPPED)


@app.command()
def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help="checkpoint.pt of a run, or the .safetensors of an export.", show_default=False)
    ],
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in veri:/data/VeRi.", show_default=False)],
    priors_folder: Annotated[
        Path | None, typer.Option("--priors", help="What `encoder priors` has found for it; GRL only.")
    ] = None,
    feature: Feature = None,
    more: Annotated[
        bool, typer.Option("--more", help="Also re-ranked, and without what is common to a camera.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for every row.")] = False,
) -> None:
    """Find a data set's queries in its gallery; with --priors as they are, the box alone, none, and those of others.

    The figures of a checkpoint are also kept in its folder, for `corridor encoder table`.
    """
    with _image_progress() as (say, show_done):
        rows = evaluate_encoder(
            checkpoint, dataset, priors_folder, feature=feature, more=more, notify=say, on_progress=show_done
        )
    _print(rows, as_json)


@app.command()
def folds(
    folder: Annotated[Path, typer.Argument(help="The folder of a two-camera set.", show_default=False)],
    checkpoints: Annotated[
        list[Path], typer.Argument(help="checkpoint.pt of five runs, on fold1 to fold5 in this order.")
    ],
    priors_folder: Annotated[
        Path | None, typer.Option("--priors", help="What `encoder priors` has found for it; GRL only.")
    ] = None,
    feature: Feature = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for every row.")] = False,
) -> None:
    """Cross-validate: what each of five networks was not trained on, by camera 1, among all images of camera 2."""
    with _image_progress() as (say, show_done):
        rows = evaluate_fold_runs(
            checkpoints, folder, priors_folder, feature=feature, notify=say, on_progress=show_done
        )
    _print(rows, as_json)


@contextmanager
def _image_progress() -> Iterator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """Yield two callbacks: print a line, and show how many images are done."""
    console = Console(stderr=True, highlight=False)
    shown = Progress(TextColumn("images"), MofNCompleteColumn(), console=console, disable=not console.is_terminal)
    with shown as progress:
        task = progress.add_task("images", total=None)
        yield (
            lambda line: console.print(line, soft_wrap=True),
            lambda done: progress.update(task, completed=done),
        )


def _print(rows: "list[EvaluationRow]", as_json: bool) -> None:
    if as_json:
        print_lines([msgspec.json.encode(msgspec.to_builtins(row, str_keys=True)) for row in rows])
        return
    make_console().print(result_table(rows))


def result_table(rows: "list[EvaluationRow]") -> Table:
    """A line a row, in percent; what a protocol does not define is left empty."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("subset", "prior", "post"):
        table.add_column(name, no_wrap=True)
    for name in ("queries", "skipped", "gallery", "mAP", *(f"R-{rank}" for rank in RANKS), "mINP", "MRR"):
        table.add_column(name, justify="right")
    for row in rows:
        metrics, deviation = row.metrics, row.deviation
        ranks = [_percent(metrics.cmc[rank], None if deviation is None else deviation.cmc[rank]) for rank in RANKS]
        counts = map(str, (row.queries, row.skipped, row.gallery))
        rest = (_percent(metrics.mean_inp), _percent(metrics.mrr))
        table.add_row(row.subset, row.prior, row.post, *counts, _percent(metrics.mean_ap), *ranks, *rest)
    return table


def _percent(value: float | None, deviation: float | None = None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


@contextmanager
def _progress(console: Console) -> Iterator["_TrainingProgress"]:
    """A bar and the figures of the epoch in a terminal; elsewhere a line at the end of each epoch."""
    if not console.is_terminal:
        yield _TrainingProgress(None, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, console=console, transient=True) as bars:
        yield _TrainingProgress(bars, console)


class _TrainingProgress:
    """Progress of a training on a terminal, or as lines."""

    def __init__(self, bars: Progress | None, console: Console) -> None:
        self._bars, self._console = bars, console
        self._task = None if bars is None else bars.add_task("epoch", total=None, detail="")

    def __call__(self, progress: "TrainingProgress") -> None:
        if self._bars is not None and self._task is not None:
            name = f"epoch {progress.epoch}/{progress.epochs}"
            steps = {"completed": progress.step, "total": progress.steps}
            self._bars.update(self._task, description=name, detail=progress_line(progress), **steps)  # type: ignore[arg-type]
        elif progress.step == progress.steps:
            self._console.print(f"epoch {progress.epoch}/{progress.epochs}  {progress_line(progress)}", soft_wrap=True)


def progress_line(progress: "TrainingProgress") -> str:
    """Losses, pace, time left and the last validation, on one line."""
    losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
    minutes, seconds = divmod(round(progress.remaining_s), 60)
    left = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"
    found = "".join(f"  {name} {value:.3f}" for name, value in progress.validation.items())
    return f"{losses}  {progress.images_per_s:.0f} images/s  {left}{found}"
