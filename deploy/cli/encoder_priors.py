"""`corridor encoder priors`: box and mask of every image of a data set."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.cli.screen import make_console
from ingest.clock import SystemClock
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from training.datasets.base import ReidData
    from training.prior_cache import PriorCache, PriorMaker

FOLDER = Path("runs/priors")
MIN_SCORE = 0.05
"""Less than on a street: a crop has a vehicle in it, and a weak detection in its middle is nearly always that."""

NAMED = 5
"""How many images without a vehicle are named in the report; the others are in the file beside the sheet."""


def priors(
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in veri:/data/VeRi.", show_default=False)],
    by: Annotated[
        str, typer.Option("--by", help="Who finds the vehicles: a detector (`corridor weights list`), or city.")
    ] = "crossroad-1016",
    masks: Annotated[str, typer.Option(help="Silhouettes: grabcut, or box for none.")] = "grabcut",
    min_score: Annotated[float, typer.Option(help="Detections below it are not used.")] = MIN_SCORE,
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: runs/priors/NAME-FINGERPRINT-BY.", show_default=False)
    ] = None,
) -> None:
    """Find the vehicle in every image of a data set, once: its box and its silhouette, which GRL is told of.

    A run that was interrupted goes on when the command is given again, and ends with the same files. `--by city` takes
    what `corridor city crops` wrote beside its images. Leaves a sheet of pictures to look at.
    """
    from training.datasets.opening import open_dataset
    from training.prior_cache import fill

    data = open_dataset(dataset)
    maker = _make(by, masks, min_score, data)
    folder = out or FOLDER / f"{data.name}-{data.fingerprint().sha256[:12]}-{by}"
    clock = SystemClock()
    began_s = clock.monotonic_s()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    shown = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty())
    with shown as progress:
        task = progress.add_task("priors", total=None)
        cache = fill(data, maker, folder, lambda done, total: progress.update(task, completed=done, total=total))
    _report(data, cache, folder, clock.monotonic_s() - began_s)


def _make(by: str, masks: str, min_score: float, data: "ReidData") -> "PriorMaker":
    from deploy.wiring import make_detector, make_masker
    from detect.networks import NETWORKS
    from detect.settings import DetectSettings
    from training.prior_makers import CityPriors, DetectedPriors

    if by == "city":
        return CityPriors(data.train.root)
    if by not in NETWORKS or masks not in ("grabcut", "box"):
        raise ConfigError(f"--by {by} --masks {masks}: known are {', '.join(NETWORKS)}, city; grabcut, box")
    detector: Literal["crossroad-1016", "pvb-2001", "pvb-2000", "yolox-nano"] = by  # type: ignore[assignment]
    settings = DetectSettings(detector=detector, min_score=min_score, masks="box" if masks == "box" else "grabcut")
    name = f"{by} from {min_score:g}, {masks}"
    return DetectedPriors(name, make_detector(settings), make_masker(settings))


def _report(data: "ReidData", cache: "PriorCache", folder: Path, took_s: float) -> None:
    import numpy as np

    from training.prior_sheet import write_sheet

    total, missed, unreadable = cache.about.images, cache.missed, cache.unreadable
    found = total - len(missed) - len(unreadable)
    (folder / "without_vehicle.txt").write_text("".join(f"{name}\n" for name in missed))
    sheet = folder / "sheet.png"
    write_sheet(sheet, data.train if len(data.train) else data.gallery, cache, np.random.default_rng(0))
    size_kb = sum(path.stat().st_size for path in folder.glob("*.shard")) / 1000
    console = make_console()
    told = f"{found} of {total} images have a vehicle ({found / max(total, 1):.1%})"
    console.print(f"{told}; {took_s:.0f} s, {size_kb:.0f} kB in {folder}", highlight=False, soft_wrap=True)
    for name in unreadable:
        console.print(f"  cannot be read: {name}", highlight=False, soft_wrap=True)
    for name in missed[:NAMED]:
        console.print(f"  without: {name}", highlight=False, soft_wrap=True)
    if len(missed) > NAMED:
        console.print(f"  and {len(missed) - NAMED} more, in {folder / 'without_vehicle.txt'}", soft_wrap=True)
    console.print(f"The sheet is {sheet}; look at it, do not publish it: plates can be read.", soft_wrap=True)
