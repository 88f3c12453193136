"""A trained encoder at work: an exported file, run by OpenVINO on the CPU or by PyTorch on a GPU."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detect.openvino_without_telemetry import CORE, openvino
from embed.crops import Crop
from embed.encoder import UNNAMED_MASKS
from embed.exported import IMAGES, PRIORS, ExportedEncoder
from embed.priors import Prior, rasterise
from embed.resizing import resized
from ingest.errors import WeightsError

BATCHES = (16, 8, 4, 2, 1)
"""Crops are handed over in batches of these sizes only: a GPU records a graph for each. On a CPU there is nothing to be
gained by a batch, so crops are run one by one, a thread each."""

PRECISION = "f32"
"""OpenVINO would take bfloat16 where the processor has it: twice as fast, but vectors of trained networks turn in it by
up to 20 degrees (cosine .93), and those of two machines are no longer the same."""

Device = Literal["cpu", "cuda"]
RunInference = Callable[[NDArray[np.uint8], NDArray[np.float32] | None], NDArray[np.float32]]
"""Inference from images (N, H, W, 3) BGR, and priors (N, 2, H/4, W/4) or None, to vectors (N, dim)."""


class RuntimeEncoder:
    """The encoder of a file that `corridor encoder export` wrote; `threads` 0 leaves their number to OpenVINO.

    A crop is stretched to the network's input, surroundings and all; GRL gets its box and its mask as prior, and
    `masks`, the name of what makes them, goes into the id. `cuda` needs PyTorch and the .safetensors file of the same
    export beside the .onnx. Raises WeightsError, for `cuda` ConfigError.
    """

    def __init__(self, path: Path, *, threads: int = 0, device: Device = "cpu", masks: str = UNNAMED_MASKS) -> None:
        exported = ExportedEncoder.open(path)
        self._id, self._metadata = exported.id_with(masks), exported.metadata
        if device == "cpu":
            self._run = on_cpu(exported, threads)
        else:
            # PyTorch takes seconds to load, and is not there on every machine.
            from embed.network.gpu import on_gpu

            self._run = on_gpu(exported, BATCHES)

    @property
    def id(self) -> str:
        return self._id

    @property
    def dim(self) -> int:
        return self._metadata.dim

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        rows = np.empty((len(crops), self.dim), np.float32)
        for start, stop in batch_ranges(len(crops)):
            batch = crops[start:stop]
            images = np.stack([resized(crop.image, self._metadata.size_hw) for crop in batch])
            rows[start:stop] = self._run(images, self._priors(batch))
        return rows

    def _priors(self, crops: Sequence[Crop]) -> NDArray[np.float32] | None:
        if not self._metadata.priors:
            return None
        return np.stack([rasterise(prior_of(crop), self._metadata.prior_size) for crop in crops])


def prior_of(crop: Crop) -> Prior:
    """Prior of a crop, from its box and mask."""
    height, width = crop.image.shape[:2]
    return Prior.of(crop.box_xyxy, crop.mask, (width, height))


def batch_ranges(count: int) -> Iterator[tuple[int, int]]:
    """Start and stop of the batches that `count` crops are run in, the largest first."""
    start = 0
    while start < count:
        stop = start + next(size for size in BATCHES if size <= count - start)
        yield start, stop
        start = stop


def on_cpu(exported: ExportedEncoder, threads: int, precision: str = PRECISION) -> RunInference:
    """Compile an exported encoder by OpenVINO; raises WeightsError for a graph that is not as its metadata says.

    `threads` 0 leaves their number to OpenVINO; `precision` is its name of the type that is computed in.
    """
    check_graph(exported)
    options: dict[str, object] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    graph = exported.graph.clone()
    graph.reshape({port.any_name: [1, *list(port.partial_shape)[1:]] for port in graph.inputs})
    try:
        queue = openvino.AsyncInferQueue(CORE.compile_model(graph, "CPU", options))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise WeightsError(f"the encoder {exported.path} cannot be run: {reason} (export it again)") from error

    def run(images: NDArray[np.uint8], priors: NDArray[np.float32] | None) -> NDArray[np.float32]:
        vectors = np.empty((len(images), exported.metadata.dim), np.float32)

        def keep(request: Any, row: int) -> None:
            vectors[row] = request.get_output_tensor(0).data[0]

        queue.set_callback(keep)
        for row in range(len(images)):
            prior_input = {} if priors is None else {PRIORS: priors[row : row + 1]}
            queue.start_async({IMAGES: images[row : row + 1], **prior_input}, row)
        queue.wait_all()
        return vectors

    return run


def check_graph(exported: ExportedEncoder) -> None:
    """Raise WeightsError where inputs and output of the graph are not those that the metadata promises."""
    metadata = exported.metadata
    expected = {IMAGES: f"[?,{metadata.model.height},{metadata.model.width},3]"}
    if metadata.priors:
        expected[PRIORS] = f"[?,2,{metadata.prior_size[1]},{metadata.prior_size[0]}]"
    found = {port.any_name: str(port.partial_shape) for port in exported.graph.inputs}
    outputs = [str(port.partial_shape) for port in exported.graph.outputs]
    if found != expected or outputs != [f"[?,{metadata.dim}]"]:
        raise WeightsError(
            f"the encoder {exported.path} takes {found} and gives {outputs}, unlike its metadata says (export it again)"
        )
