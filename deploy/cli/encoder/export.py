"""`corridor encoder export`: a trained encoder as the files that `corridor run` takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.terminal.screen import make_console
from embed.network.settings import TestFeature
from training.datasets.prepared import need_torch

if TYPE_CHECKING:
    from training.encoder.export import ExportedFiles

Feature = Annotated[
    TestFeature | None,
    typer.Option(help="Which of the network's features: f3 (512 of GRL), msinet (768), neck; default: as configured."),
]


def export(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a run.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="An .onnx file; the weights go beside it.")] = Path(
        "encoder.onnx"
    ),
    feature: Feature = None,
) -> None:
    """Write the network of a checkpoint as one graph, from pixels to vectors that can be compared.

    The .onnx file is what `encoder` of a configuration names; the .safetensors file beside it has the weights,
    nearly all in float16, for PyTorch and for GPUs. Association learns from the traffic how to read its cosines, and
    begins with what `corridor encoder calibrate` has measured.
    """
    need_torch()
    from training.encoder.export import export as write

    print_export(write(checkpoint, out, feature))


def print_export(files: "ExportedFiles") -> None:
    """Print an export's id and the length of its vectors, and its files with their sizes."""
    console = make_console()
    metadata = files.metadata
    console.print(
        f"{files.id}: {metadata.model.name}, {metadata.dim} numbers a vehicle", highlight=False, soft_wrap=True
    )
    for path, size in files.sizes.items():
        console.print(f"  {path}  {size / 1e6:.2f} MB", highlight=False, soft_wrap=True)
