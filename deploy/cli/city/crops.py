"""`corridor city crops`: a re-identification set from the synthetic city."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ingest.clock import SystemClock
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from training.datasets.city.shards import Plan


def crops(
    out: Annotated[Path, typer.Argument(help="The folder of the set; new, or an unfinished one.", show_default=False)],
    identities: Annotated[int, typer.Option(max=1_000_000, help="How many vehicles.")] = 2000,
    cameras: Annotated[int, typer.Option(max=1000, help="How many cameras, taken from the presets in turn.")] = 8,
    views: Annotated[int, typer.Option(max=1000, help="Images of each vehicle in each camera.")] = 2,
    seed: Annotated[int, typer.Option(help="Another seed, other vehicles and other places.")] = 1,
    presets: Annotated[
        str | None, typer.Option(help="Names with commas between, also PRESET@FILE.city; default: all.")
    ] = None,
    test_share: Annotated[float, typer.Option(help="Share of the vehicles that is not for training.")] = 0.3,
    workers: Annotated[
        int | None, typer.Option(max=1024, help="Processes; default: one a core.", show_default=False)
    ] = None,
) -> None:
    """Make a set of vehicle crops with identities, boxes and masks, in the layout of VeRi-776.

    The same options give the same files, whatever the number of workers. A run that was interrupted goes on when the
    command is given again.

    corridor city crops runs/city --identities 2000 --cameras 8
    """
    if find_spec("panda3d") is None:
        raise ConfigError("rendering needs the extra 'city': pip install 'corridor[city]'")
    processes = workers if workers is not None else len(os.sched_getaffinity(0))
    if processes < 1:
        raise ConfigError(f"--workers {processes} must be at least 1")
    from training.datasets.city.dataset import CitySettings, make_plan, write_city_set

    chosen = tuple(filter(None, (name.strip() for name in (presets or "").split(","))))
    if presets is not None and not chosen:
        raise ConfigError("--presets names no preset")
    plan = make_plan(CitySettings(identities, cameras, views, seed, chosen, test_share))
    began_s = SystemClock().monotonic_s()
    with _progress() as progress:
        task = progress.add_task("crops", total=_total(plan))
        counts = write_city_set(
            out,
            plan,
            workers=processes,
            on_progress=lambda done: progress.update(task, completed=_crops_of(plan, done)),
        )
    made, elapsed_s = counts["image_train"] + counts["image_test"], SystemClock().monotonic_s() - began_s
    contents = ", ".join(f"{count} in {folder}" for folder, count in counts.items())
    Console().print(
        f"{out}: {contents} ({elapsed_s:.0f} s, {made / elapsed_s:.0f} crops/s)", highlight=False, soft_wrap=True
    )


def _total(plan: "Plan") -> int:
    return plan.identities * plan.views * len(plan.cameras)


def _crops_of(plan: "Plan", shards: int) -> int:
    """Estimate the crops of that many finished shards."""
    return _total(plan) * shards // len(plan.shards)


class _Rate(ProgressColumn):
    """Crops a second since the start."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f} crops/s" if task.speed else "")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    console = Console(stderr=True)
    return Progress(*columns, _Rate(), TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty())
