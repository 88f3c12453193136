"""Export of a checkpoint to the files that a trained encoder is used from: an ONNX graph, and its weights."""

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load, save
from torch import nn

from embed.calibration import CosineCalibration
from embed.exported import FORMAT, IMAGES, KEY, PRIORS, VECTORS, EncoderMetadata, ExportedEncoder, encoder_id
from embed.network.inference import InferenceModel, inference_weights
from embed.network.network import ReidNetwork
from embed.network.settings import TestFeature
from ingest.errors import ConfigError
from training.encoder.checkpoint import Origin, load_network, write_atomically

OPSET = 17
NARROW = 64
"""Channels; kernels that have no more on either side keep their float32. They are those of the first stage, where
rounding does most: what it changes there is a hundred times what it changes in the last."""

EXAMPLES = 2
"""Images that the network is traced with; the graph takes any number."""


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """The id of an exported encoder, what it says of itself, and its files with their sizes in bytes."""

    id: str
    metadata: EncoderMetadata
    sizes: dict[Path, int]


def export(checkpoint: Path, out: Path, feature: TestFeature | None = None) -> ExportedFiles:
    """Write `out`, an .onnx file, and the weights as .safetensors beside it; the same checkpoint gives the same bytes.

    Raises CheckpointError for a checkpoint that is none, and where the disk is full; ConfigError for a name that does
    not end in .onnx, or a `feature` that the network does not have.
    """
    _check_name(out)
    network, origin, _ = load_network(checkpoint, feature)
    return write_export(network, metadata_of(network, origin), out)


def write_export(network: ReidNetwork, metadata: EncoderMetadata, out: Path) -> ExportedFiles:
    """Write a network's graph and its weights; raises ConfigError, CheckpointError."""
    _check_name(out)
    metadata_text = msgspec.json.encode(metadata, order="deterministic").decode()
    graph = onnx_graph(network, metadata, metadata_text)
    name = encoder_id(metadata.model.name, graph)
    weights = save(halved(inference_weights(network)), metadata={KEY: metadata_text, "id": name})
    files = {out: graph, out.with_suffix(".safetensors"): weights}
    for path, data in files.items():
        write_atomically(path, data)
    return ExportedFiles(name, metadata, {path: len(data) for path, data in files.items()})


def _check_name(out: Path) -> None:
    if out.suffix != ".onnx":
        raise ConfigError(f"'{out}' must end in .onnx; the weights go beside it as .safetensors")


def metadata_of(network: ReidNetwork, origin: Origin) -> EncoderMetadata:
    """The metadata of an export."""
    return EncoderMetadata(
        format=FORMAT,
        model=msgspec.structs.replace(origin.model, test_feature=network.test_feature),
        dim=network.dim,
        priors=network.takes_priors,
        data=origin.data,
        identities=len(origin.identities),
        seed=origin.seed,
        recipe=msgspec.to_builtins(origin.recipe),
    )


def onnx_graph(network: ReidNetwork, metadata: EncoderMetadata, metadata_text: str) -> bytes:
    """Normalisation, network and L2 norm as one ONNX file, most weights in float16, computed in float32."""
    height, width = metadata.size_hw
    across, down = metadata.prior_size
    inputs = {IMAGES: torch.zeros(EXAMPLES, height, width, 3, dtype=torch.uint8)}
    if metadata.priors:
        inputs[PRIORS] = torch.ones(EXAMPLES, 2, down, across)
    names = (*inputs, VECTORS)
    model = traced(
        InferenceModel(network).float().cpu(), inputs, [VECTORS], dynamic_axes={name: {0: "batch"} for name in names}
    )
    halve_weights(model.graph)
    return with_metadata(model, metadata_text)


def traced(
    module: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> onnx.ModelProto:
    """Trace a module in evaluation mode, for examples of its inputs by name."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter that follows a trace is deprecated, but needs no further package, and a quarter of the time.
        warnings.simplefilter("ignore")
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            path,
            dynamo=False,
            opset_version=OPSET,
            # Normalisations stay apart, so that the weights are those of the other file; runtimes fold them.
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dynamic_axes,
        )
        return onnx.load(path)


def with_metadata(model: onnx.ModelProto, metadata_text: str) -> bytes:
    """Serialise the model with its metadata; always to the same bytes."""
    model.metadata_props.add(key=KEY, value=metadata_text)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def halve_weights(graph: onnx.GraphProto) -> None:
    """Store wide kernels in float16; whoever loads the file turns them back, once."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not is_wide(tensor.dims):
            continue
        name, stored = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Wide kernels in float16; the others, normalisations and biases, which are few, as they are."""
    return {name: (value.half() if is_wide(value.shape) else value).contiguous() for name, value in weights.items()}


def is_wide(shape: Sequence[int]) -> bool:
    """True for a kernel or matrix with so many channels that it is stored in float16."""
    return len(shape) > 1 and min(shape[:2]) > NARROW


def write_calibration(path: Path, calibration: CosineCalibration) -> str:
    """Write a calibration into an export, both of its files; returns the new id.

    Raises WeightsError for a file that is no export, CheckpointError where it cannot be written.
    """
    metadata = msgspec.structs.replace(ExportedEncoder.open(path).metadata, calibration=calibration)
    metadata_text = msgspec.json.encode(metadata, order="deterministic").decode()
    model = onnx.load(str(path))
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = metadata_text
    graph = bytes(model.SerializeToString(deterministic=True))
    name = encoder_id(metadata.model.name, graph)
    weights = path.with_suffix(".safetensors")
    if weights.exists():
        write_atomically(weights, save(load(weights.read_bytes()), metadata={KEY: metadata_text, "id": name}))
    write_atomically(path, graph)
    return name
