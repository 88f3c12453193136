"""`corridor encoder priors`: box and mask of every image of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.terminal.image_progress import ImageProgress, duration
from deploy.cli.terminal.screen import make_console
from deploy.site.config import load_config
from deploy.site.prior_maker import open_maker
from detect.settings import FoundationSettings
from ingest.clock import SystemClock
from ingest.errors import ConfigError
from training.priors.spec import SAM, PriorSpec, seconds_on_cpu

if TYPE_CHECKING:
    from training.datasets.listing import Listing
    from training.priors.cache import PriorCache

FOLDER = Path("runs/priors")

NAMED = 5
"""Images without a vehicle that are named in the report; the others are in the file beside the sheet."""


def priors(
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in veri:/data/VeRi.", show_default=False)],
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="The detector (`corridor weights list`), grounding-dino-swin-t or -b, or city.",
        ),
    ] = "crossroad-1016",
    masks: Annotated[
        str | None,
        typer.Option(
            help="Masks: grabcut, ellipse in the box, box for none, or sam-vit-b, sam-vit-l, sam-vit-h. "
            "(default: grabcut; of the city: its own)",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            "--box-score",
            help="Detections below it are not used. (default: 0.05; Grounding DINO: 0.3)",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="What Grounding DINO looks for, as in 'car . bus .'", show_default=False)
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Of Grounding DINO and SAM: auto, cpu, cuda, cuda:1. (default: auto)", show_default=False),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, help="Images of one size for Grounding DINO at once. (default: 8)", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A configuration, whose table `foundation` says the rest of both.",
            show_default=False,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="K/N: the K-th of N processes that share the work, as in 2/4.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: runs/priors/NAME-FINGERPRINT-BY.", show_default=False)
    ] = None,
) -> None:
    """Find the vehicle in every image of a data set, once: its box and its mask, the priors of GRL.

    A run that was interrupted goes on when the command is given again, and ends with the same files. `--by city` takes
    what `corridor city crops` wrote beside its images, its boxes alone where --masks is given. Grounding DINO and SAM
    (`make foundation`) take seconds an image on a CPU: share the work among GPUs with --shard and --device, into one
    folder; the last to end reports. Leaves a sheet of images to look at.
    """
    from training.datasets.registry import list_dataset
    from training.priors.cache import PriorCache
    from training.priors.filling import WorkShare, fill_share

    share = WorkShare() if shard is None else WorkShare.parse(shard)
    spec = PriorSpec(by, masks, min_score, load_config(config).foundation if config else FoundationSettings())
    spec = spec.heeding(prompt=prompt, device=device, batch=batch)
    spec.check()
    listing = list_dataset(dataset)
    maker = open_maker(spec, listing)
    folder = out or _folder(listing, spec)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    with ImageProgress("priors", clock, warn_s=seconds_on_cpu(spec)) as progress:
        whole = fill_share(listing, maker, folder, progress, share)
    took_s = clock.monotonic_s() - began_s
    if not whole:
        line = f"shard {share} is done, {duration(took_s)}; {folder} is whole when the others are"
        make_console().print(line, highlight=False, soft_wrap=True, markup=False)
        return
    _report(listing, PriorCache.open(folder), folder, took_s)


def _folder(listing: "Listing", spec: PriorSpec) -> Path:
    masks = f"-{spec.masker}" if spec.masker in SAM else ""
    return FOLDER / f"{listing.name}-{listing.fingerprint().sha256[:12]}-{spec.by}{masks}"


def _report(listing: "Listing", cache: "PriorCache", folder: Path, took_s: float) -> None:
    import numpy as np

    from training.datasets.names import encoded, shown
    from training.encoder.checkpoint import write_atomically
    from training.evaluation.image_sheet import write_sheet
    from training.priors.sheet import prior_sheet

    total, missed, unreadable = cache.metadata.images, cache.missed, cache.unreadable
    found = total - len(missed) - len(unreadable)
    if len(unreadable) == total:
        raise ConfigError(f"none of the {total} images can be read, such as '{shown(unreadable[0])}' (mend the set)")
    write_atomically(folder / "without_vehicle.txt", b"".join(encoded(f"{name}\n") for name in missed))
    sheet = folder / "sheet.png"
    shows = next(images for images in listing.parts.values() if len(images))
    write_sheet(sheet, prior_sheet(shows, cache, np.random.default_rng(0)))
    size_kb = sum(path.stat().st_size for path in folder.glob("*.shard")) / 1000
    lines = [
        f"{found} of {total} images have a vehicle ({found / max(total, 1):.1%}); {duration(took_s)}, "
        f"{size_kb:.0f} kB in {folder}",
        f"by {cache.metadata.maker}",
        *(f"  cannot be read: {shown(name)}" for name in unreadable),
        *(f"  without: {shown(name)}" for name in missed[:NAMED]),
    ]
    if len(missed) > NAMED:
        lines.append(f"  and {len(missed) - NAMED} more, in {folder / 'without_vehicle.txt'}")
    lines.append(f"The sheet is {sheet}; look at it, do not publish it: plates can be read.")
    console = make_console()
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if not found:
        raise ConfigError(
            f"no vehicle was found in any of the {total} images, such as '{shown(next(iter(cache.stored)))}' (try "
            "another detector with --by, or a lower --min-score)"
        )
