"""`corridor encoder teach`: a teacher network's vectors of a data set, as training targets."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.cli.terminal.screen import make_console
from ingest.clock import SystemClock
from ingest.digest import short_digest
from ingest.errors import ConfigError
from ingest.frame import Image
from training.datasets.prepared import need_torch

if TYPE_CHECKING:
    from training.teacher.vectors import TeacherNetwork


def teach(
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in images:/data/crops.")],
    network: Annotated[Path, typer.Option("--by", help="The teacher: a network of OpenVINO (.xml) or ONNX.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write, .npz.")],
) -> None:
    """Compute a teacher's vector of every image of a data set, once; `teacher` beside a training's data set names it.

    Each is the mean of the teacher's vectors of the image whole, small, and without its rim, and of their mirror
    images.
    """
    need_torch()
    from training.datasets.registry import list_dataset
    from training.encoder.checkpoint import check_writable
    from training.teacher.vectors import save_teacher_vectors
    from training.teacher.vectors import teacher_vectors as all_of

    listing, teacher = list_dataset(dataset), make_teacher(network)
    check_writable(out)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    shown = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty())
    with shown as progress:
        task = progress.add_task("teach", total=None)
        name = f"{network.stem} {_weights_digest(network)}"
        found = all_of(listing, teacher, name, lambda done, of: progress.update(task, completed=done, total=of))
    save_teacher_vectors(out, found)
    took_s = clock.monotonic_s() - began_s
    line = f"{len(found.names)} images, {found.features.shape[1]} numbers each by {name}: {out} ({took_s:.0f} s)"
    make_console().print(line, highlight=False, soft_wrap=True)


def make_teacher(path: Path) -> "TeacherNetwork":
    """A network with one image as its input and one vector as its output; raises WeightsError, ConfigError."""
    from detect.openvino_network import OpenVinoNetwork

    network = OpenVinoNetwork(path)

    def embed_image(image: Image) -> NDArray[np.float32]:
        outputs = network(network.stretch(image))
        if len(outputs) != 1:
            raise ConfigError(f"the teacher {path} has the outputs {', '.join(outputs)}; one is expected, a vector")
        return next(iter(outputs.values()))

    return embed_image


def _weights_digest(path: Path) -> str:
    """Digest of the weights: beside an .xml they are in the .bin."""
    weights = path.with_suffix(".bin")
    return short_digest(weights if weights.exists() else path)
