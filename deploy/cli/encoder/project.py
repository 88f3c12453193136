"""`corridor encoder project`: an export whose vectors hold what one vehicle keeps from look to look."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from deploy.cli.encoder.export import print_export
from training.datasets.prepared import need_torch


def project(
    file: Annotated[
        Path, typer.Argument(help="An exported encoder, .onnx, with its .safetensors.", show_default=False)
    ],
    datasets: Annotated[
        list[str],
        typer.Argument(help="Data sets, as veri:FOLDER or images:FOLDER; their training images.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new export, .onnx.")],
    dim: Annotated[int, typer.Option(min=2, max=4096, help="How many numbers a vector has then.")] = 128,
    ridge: Annotated[float, typer.Option(min=1e-6, max=100.0, help="Share of the mean variance given to all.")] = 0.3,
    looks: Annotated[
        int, typer.Option(min=0, max=8, help="Altered looks beside a crop whose vehicle has few others.")
    ] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Draws crops and looks.")] = 0,
) -> None:
    """Fit a linear projection to an exported encoder, and write a new export with it in its graph.

    What differs between crops of one vehicle, by camera, view and look, is whitened, and the directions in which
    vehicles differ most are kept. Crops without identities count as a vehicle each, in several looks. No training: it
    takes minutes on a CPU, twenty crops a second. The new export has another id, and no calibration (corridor encoder
    calibrate).
    """
    need_torch()
    from training.encoder.projected import Sampling, grouped_vectors, write_projected

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        sources = []
        for spec in datasets:
            progress.reset(task, description=spec.rpartition("/")[2], total=None)
            source, images = grouped_vectors(
                file, spec, Sampling(looks, seed), lambda done, of: progress.update(task, completed=done, total=of)
            )
            console.print(f"{source.source}: {images} crops", soft_wrap=True)
            sources.append(source)
    print_export(write_projected(file, out, sources, dim=dim, ridge=ridge))
