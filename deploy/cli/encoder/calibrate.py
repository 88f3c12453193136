"""`corridor encoder calibrate`: distributions of an exported encoder's cosines, measured and written into its file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from deploy.cli.terminal.screen import make_console
from training.datasets.prepared import need_torch


def calibrate(
    file: Annotated[Path, typer.Argument(help="An exported encoder, .onnx.", show_default=False)],
    datasets: Annotated[
        list[str],
        typer.Argument(
            help="Data sets that it was not trained on, as veri:FOLDER; each is a source.", show_default=False
        ),
    ],
    write: Annotated[bool, typer.Option(help="Write the numbers into the file, which changes its id.")] = True,
) -> None:
    """Measure how alike one vehicle and two look to two cameras, and write it into an exported encoder.

    Four numbers: mean and deviation of the cosines of one vehicle and of two, of vectors without their camera's mean.
    Their reliability is measured on each data set by the numbers of the others. The file's id changes, and vectors of
    different ids are never compared: calibrate before the encoder is used.
    """
    need_torch()
    from detect.masks import EllipseMasker
    from embed.runtime import RuntimeEncoder
    from training.datasets.registry import open_dataset
    from training.encoder.export import write_calibration
    from training.evaluation.calibrate import calibrated, check_each_once, cosine_pairs, measured_images
    from training.evaluation.exported_vectors import vectors_of

    encoder, masker = RuntimeEncoder(file), EllipseMasker()
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn())
    sets = [open_dataset(spec) for spec in datasets]
    measured = [measured_images(data) for data in sets]
    check_each_once([(spec, images) for spec, (images, _) in zip(datasets, measured, strict=True)])
    sources = []
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        for data, (images, all_of_them) in zip(sets, measured, strict=True):
            if len(images) < all_of_them:
                console.print(
                    f"{data.name}: {len(images)} of {all_of_them} images, those of some vehicles, are measured"
                )
            progress.reset(task, total=len(images), description=data.name)
            vectors = vectors_of(images, encoder, masker, lambda done: progress.update(task, completed=done))
            sources.append(cosine_pairs(f"{data.name} ({data.fingerprint()})", vectors, images))
    found = calibrated(sources)
    said = make_console()
    said.print(
        f"one vehicle {found.same_mean:.3f} ± {found.same_deviation:.3f} ({found.same} pairs), two "
        f"{found.others_mean:.3f} ± {found.others_deviation:.3f} ({found.others}); calibration error "
        f"{found.reliability:.3f} on what is left out",
        highlight=False,
        soft_wrap=True,
    )
    if write:
        name = write_calibration(file, found)
        said.print(f"{file} is now {name} (it was {encoder.id})", highlight=False, soft_wrap=True)
