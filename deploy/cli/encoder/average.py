"""`corridor encoder average`: the mean of the weights of several trainings, as one encoder."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.encoder.export import print_export
from training.datasets.prepared import need_torch


def average(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exported encoders, .onnx, each with its .safetensors beside it.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new export, .onnx.")],
) -> None:
    """Write the mean of the weights of encoders that were trained from the same first weights, as a new export.

    On cameras that no training has seen it is often better than each of them: take the encoder that a training began
    with and what became of it. It is as fast as one of them. The new export has another id, and no calibration
    (corridor encoder calibrate).

    corridor encoder average before.onnx after.onnx -o both.onnx
    """
    need_torch()
    from training.encoder.averaged import write_average

    print_export(write_average(files, out))
