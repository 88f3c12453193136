"""A teacher's network, from the file that `corridor encoder teach --by` names: an image to one vector."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embed.settings import SHIPPED, SHIPPED_FILE
from ingest.errors import ConfigError, WeightsError
from ingest.frame import Image

if TYPE_CHECKING:
    from training.teacher.vectors import TeacherNetwork

SUFFIXES = (".xml", ".onnx")
"""Files that are read. OpenVINO tries all its formats on any other, and TensorFlow's says on stderr what it thinks."""

LONGEST = 16_384
"""Numbers beyond which a row is no vector but a detector's; the vectors of networks of parts have up to 12,288."""


def teacher_file(name: Path) -> Path:
    """The file of a teacher; `grl-64` is the encoder that comes with the program.

    Raises ConfigError for a file that is not there, or of a format that is not read.
    """
    if str(name) == SHIPPED:
        return SHIPPED_FILE
    if not name.is_file():
        raise ConfigError(f"there is no file {name} (a teacher is an .xml of OpenVINO, an .onnx, or {SHIPPED})")
    if name.suffix not in SUFFIXES:
        beside = name.with_suffix(".onnx")
        give = str(beside) if beside.is_file() else f"an .xml of OpenVINO, an .onnx, or {SHIPPED}"
        raise ConfigError(f"the teacher {name} ends in neither {' nor '.join(SUFFIXES)} (give {give})")
    return name


def make_teacher(path: Path) -> "TeacherNetwork":
    """A network with one image as its input and one vector as its output; raises WeightsError, ConfigError.

    An exported encoder is given the whole image as a crop, with its box as mask.
    """
    if path.suffix == ".onnx" and _is_export(path):
        return _embed_crop(path)
    return _embed_image(path)


def need_vector(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise ConfigError where the outputs of a network, shapes by name, are not one vector an image.

    A vector is (1, D), or (1, D, 1, 1) of a network that ends in a convolution.
    """
    if len(shapes) != 1:
        outputs = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ConfigError(f"the teacher {path} has the outputs {outputs}; one is expected, a vector")
    (shape,) = shapes.values()
    if len(shape) < 2 or shape[0] != 1 or not 1 < shape[1] <= LONGEST or shape[2:] not in ((), (1, 1)):
        raise ConfigError(
            f"the teacher {path} makes {shape} of an image, not one vector: (1, D) or (1, D, 1, 1), D from 2 to "
            f"{LONGEST} (give a network of re-identification, no detector)"
        )


def _embed_image(path: Path) -> "TeacherNetwork":
    """Have a network look at an image that is stretched to its input; tried once, on a black one."""
    from detect.openvino_network import OpenVinoNetwork

    try:
        network = OpenVinoNetwork(path)
        tried = network(network.stretch(np.zeros((64, 64, 3), np.uint8)))
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigError(
            f"the teacher {path} cannot be run: {reason} (its input must be one image (1, 3, H, W) of a fixed size)"
        ) from error
    need_vector(path, {name: vector.shape for name, vector in tried.items()})

    def embed(image: Image) -> NDArray[np.float32]:
        (vector,) = network(network.stretch(image)).values()
        return vector

    return embed


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
