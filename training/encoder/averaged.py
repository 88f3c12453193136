"""The mean of the weights of encoders that were trained from the same first weights, as an export.

Trainings that go on from the same weights end near one another, and the mean of their weights keeps what they have in
common: on cameras that none of them has seen it is often better than each (Wortsman et al. 2022, "Model soups").
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import torch

from embed.exported import EncoderMetadata, ExportedEncoder
from embed.network.gpu import load_weights_beside
from embed.network.inference import inference_weights
from ingest.errors import ConfigError
from training.encoder.export import ExportedFiles, write_export

ALIKE = 0.5
"""Cosine of two networks' weights below which they have no beginning in common, so that their mean is of no use."""

Weights = Mapping[str, torch.Tensor]


def write_average(files: Sequence[Path], out: Path) -> ExportedFiles:
    """Write the export of the mean; each .onnx file of `files` has its .safetensors beside it.

    Raises ConfigError for fewer than two, for one given twice, for networks of other settings, and for weights that
    have nothing in common; WeightsError, CheckpointError.
    """
    exports = [ExportedEncoder.open(file) for file in files]
    _check(exports)
    networks = [load_weights_beside(each).network for each in exports]
    parts = [inference_weights(network) for network in networks]
    for each, weights in zip(exports[1:], parts[1:], strict=True):
        if (alike := cosine(parts[0], weights)) < ALIKE:
            raise ConfigError(
                f"the weights of {exports[0].path} and {each.path} have a cosine of {alike:.2f}: they were not trained "
                "from the same first weights, and their mean is of no use (give encoders with a common `start`)"
            )
    for name, value in parts[0].items():
        value.copy_(torch.stack([weights[name] for weights in parts]).mean(dim=0))
    return write_export(networks[0], _metadata(exports), out)


def _check(exports: Sequence[ExportedEncoder]) -> None:
    if len(exports) < 2:
        raise ConfigError(f"a mean needs two encoders or more, not {len(exports)}")
    for place, each in enumerate(exports):
        for other in exports[:place]:
            if other.id == each.id:
                raise ConfigError(f"{other.path} and {each.path} are the same encoder, {each.id} (give each once)")
            if other.metadata.model != each.metadata.model:
                raise ConfigError(f"{each.path} is a network of other settings than {other.path}: they have no mean")


def cosine(one: Weights, other: Weights) -> float:
    """Cosine of two networks' kernels and matrices, all as one vector."""
    names = [name for name, value in one.items() if value.ndim > 1]
    a, b = (torch.cat([weights[name].flatten() for name in names]) for weights in (one, other))
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def _metadata(exports: Sequence[ExportedEncoder]) -> EncoderMetadata:
    """Metadata of the mean: the data of all; a seed and a recipe it has none of."""
    parts = (part for each in exports for part in each.metadata.data.split(" + "))
    return msgspec.structs.replace(
        exports[0].metadata,
        data=" + ".join(dict.fromkeys(parts)),
        identities=max(each.metadata.identities for each in exports),
        seed=0,
        recipe={},
        averaged=tuple(each.id for each in exports),
        calibration=None,
    )
