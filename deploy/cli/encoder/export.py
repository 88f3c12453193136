"""`corridor encoder export`: a trained encoder as the files that `corridor run` takes."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.terminal.screen import make_console
from embed.network.settings import TestFeature
from ingest.errors import ConfigError
from training.datasets.prepared import need_torch
from training.encoder.logistic import Calibration

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
    midpoint: Annotated[
        float | None, typer.Option(help="The cosine that speaks neither for nor against one vehicle.")
    ] = None,
    slope: Annotated[float | None, typer.Option(help="How steeply it turns; goes with --midpoint.")] = None,
) -> None:
    """Write the network of a checkpoint as one graph, from pixels to vectors that can be compared.

    The .onnx file is what `encoder` of a configuration names; the .safetensors file beside it has the weights,
    nearly all in float16, for PyTorch and for GPUs. --midpoint and --slope are kept in the .onnx file; association
    learns from the traffic how to read cosines, and does not use them.
    """
    need_torch()
    from training.encoder.export import export as write

    if (midpoint is None) != (slope is None):
        raise ConfigError("--midpoint and --slope go together")
    if midpoint is not None and not -1 <= midpoint <= 1:
        raise ConfigError(f"--midpoint {midpoint} is no cosine: expected -1 to 1")
    if slope is not None and not 0 < slope < math.inf:
        raise ConfigError(f"--slope {slope} must be above 0, or likeness would speak against one vehicle")
    calibration = None if midpoint is None or slope is None else Calibration(midpoint, slope)
    print_export(write(checkpoint, out, calibration, feature))


def print_export(files: "ExportedFiles") -> None:
    """Print an export's id and the length of its vectors, and its files with their sizes."""
    console = make_console()
    metadata = files.metadata
    console.print(
        f"{files.id}: {metadata.model.name}, {metadata.dim} numbers a vehicle", highlight=False, soft_wrap=True
    )
    for path, size in files.sizes.items():
        console.print(f"  {path}  {size / 1e6:.2f} MB", highlight=False, soft_wrap=True)
