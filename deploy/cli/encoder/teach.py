"""`corridor encoder teach`: a teacher network's vectors of a data set, as training targets."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from deploy.cli.terminal.image_progress import ImageProgress
from deploy.cli.terminal.screen import make_console
from ingest.clock import SystemClock
from ingest.digest import short_digest
from ingest.errors import ConfigError, WeightsError
from ingest.frame import Image
from training.datasets.prepared import need_torch

if TYPE_CHECKING:
    from training.teacher.vectors import TeacherNetwork


def teach(
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in images:/data/crops.")],
    networks: Annotated[
        list[Path],
        typer.Option(
            "--by",
            help="The teacher: a network of OpenVINO (.xml) or ONNX, or an encoder of `corridor encoder export`. Given "
            "several times: their cosines' mean is learned.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write, .npz.")],
) -> None:
    """Compute a teacher's vector of every image of a data set, once; `teacher` beside a training's data set names it.

    Each is the mean of the teacher's vectors of the image whole, small, and without its rim, and of their mirror
    images.
    """
    need_torch()
    from training.datasets.registry import list_dataset
    from training.encoder.checkpoint import check_writable
    from training.teacher.vectors import save_teacher_vectors, side_by_side
    from training.teacher.vectors import teacher_vectors as all_of

    listing, teachers = list_dataset(dataset), [(path, make_teacher(path)) for path in networks]
    check_writable(out)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    several = []
    for path, teacher in teachers:
        name = f"{path.stem} {_weights_digest(path)}"
        with ImageProgress(name, clock) as progress:
            several.append(all_of(listing, teacher, name, progress))
    found = side_by_side(several) if len(several) > 1 else several[0]
    save_teacher_vectors(out, found)
    took_s = clock.monotonic_s() - began_s
    numbers = f"{len(found.names)} images, {found.features.shape[1]} numbers each"
    line = f"{numbers} by {found.metadata.teacher}: {out} ({took_s:.0f} s)"
    make_console().print(line, highlight=False, soft_wrap=True)


def make_teacher(path: Path) -> "TeacherNetwork":
    """A network with one image as its input and one vector as its output; raises WeightsError, ConfigError.

    An exported encoder is given the whole image as a crop, with its box as mask.
    """
    from detect.openvino_network import OpenVinoNetwork

    if path.suffix == ".onnx" and _is_export(path):
        return _embed_crop(path)
    network = OpenVinoNetwork(path)

    def embed_image(image: Image) -> NDArray[np.float32]:
        outputs = network(network.stretch(image))
        if len(outputs) != 1:
            raise ConfigError(f"the teacher {path} has the outputs {', '.join(outputs)}; one is expected, a vector")
        return next(iter(outputs.values()))

    return embed_image


def _is_export(path: Path) -> bool:
    from embed.exported import ExportedEncoder

    try:
        ExportedEncoder.open(path)
    except WeightsError:
        return False
    return True


def _embed_crop(path: Path) -> "TeacherNetwork":
    from detect.masks import BoxMasker
    from embed.runtime import RuntimeEncoder
    from training.evaluation.exported_vectors import whole_crop

    encoder, masker = RuntimeEncoder(path), BoxMasker()

    def embed(image: Image) -> NDArray[np.float32]:
        crop = whole_crop(image)
        (vector,) = encoder([replace(crop, mask=masker(image, crop.box_xyxy))])
        return np.asarray(vector, np.float32)

    return embed


def _weights_digest(path: Path) -> str:
    """Digest of the weights: beside an .xml they are in the .bin."""
    weights = path.with_suffix(".bin")
    return short_digest(weights if weights.exists() else path)
