"""An exported encoder: an ONNX file with metadata, its settings and its training."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from detect.openvino_without_telemetry import CORE
from embed.calibration import CosineCalibration
from embed.encoder import vectors_id
from embed.network.settings import PRIOR_STRIDE, NetworkSettings
from ingest.errors import WeightsError

FORMAT = "corridor exported encoder 1"
KEY = "corridor"
"""Key in the ONNX file's metadata, and in the .safetensors file's."""

IMAGES, PRIORS, VECTORS = "images", "priors", "vectors"
"""Inputs: (B, H, W, 3) uint8 BGR, and of GRL (B, 2, H/4, W/4) float32 in 0..1; output: (B, dim) float32 of norm 1."""

ID_DIGITS = 8
"""Hex digits of the file's SHA-256 in the encoder's id."""


class EncoderMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The metadata of an exported encoder.

    model: with the test feature that was chosen; dim: the length of its vectors; priors: whether it takes them.
    data, identities, seed, recipe: of the training, as its checkpoint has them.
    averaged: ids of the encoders whose mean its weights are; it has the data of all, and the identities of the largest.
    projection: what its projection was fitted to, where it has one.
    calibration: the distributions of its cosines, where `corridor encoder calibrate` has measured them.
    """

    format: str
    model: NetworkSettings
    dim: int
    priors: bool
    data: str
    identities: int
    seed: int
    recipe: dict[str, Any]
    calibration: CosineCalibration | None = None
    projection: str = ""
    averaged: tuple[str, ...] = ()

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.model.height, self.model.width

    @property
    def prior_size(self) -> tuple[int, int]:
        """Width and height of the prior."""
        return self.model.width // PRIOR_STRIDE, self.model.height // PRIOR_STRIDE


@dataclass(frozen=True, slots=True, eq=False)
class ExportedEncoder:
    """An exported encoder's file, its metadata, and its `id`: name and first digits of the file's hash."""

    path: Path
    id: str
    metadata: EncoderMetadata
    graph: Any

    def id_with(self, masks: str) -> str:
        """The id of its vectors of crops masked in a way."""
        return vectors_id(self.id, masks) if self.metadata.priors else self.id

    @classmethod
    def open(cls, path: Path) -> "ExportedEncoder":
        """Read a file that `corridor encoder export` wrote; raises WeightsError for any other."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"cannot read the encoder {path}: {error.strerror}") from error
        try:
            graph = CORE.read_model(data)
            text = graph.get_rt_info(["framework", KEY]).astype(str)
        except RuntimeError as error:
            raise WeightsError(
                f"{path} is no exported encoder, or is damaged (write it: corridor encoder export)"
            ) from error
        metadata = read_metadata(text, path)
        return cls(path, encoder_id(metadata.model.name, data), metadata, graph)


def encoder_id(name: str, data: bytes) -> str:
    """Make the id of an encoder, `name@hash`, of the bytes of its exported file."""
    return f"{name}@{hashlib.sha256(data).hexdigest()[:ID_DIGITS]}"


def read_metadata(text: str, path: Path) -> EncoderMetadata:
    """Decode the metadata of the file at `path` from JSON; raises WeightsError where it cannot be read."""
    try:
        metadata = msgspec.json.decode(text, type=EncoderMetadata)
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path} was exported by another version of this program: {error}") from error
    if metadata.format != FORMAT:
        raise WeightsError(f"{path} is of format '{metadata.format}', this program reads '{FORMAT}'")
    return metadata
