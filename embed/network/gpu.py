"""An exported encoder on a GPU: float16 where vectors hardly change, and one CUDA graph for each size of batch."""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embed.exported import KEY, EncoderMetadata, ExportedEncoder
from embed.network.grl import Grl
from embed.network.inference import InferenceModel, load_inference_model
from embed.network.msinet import MsiNet
from embed.network.network import ReidNetwork
from ingest.errors import ConfigError, WeightsError

Forward = Callable[[Tensor, Tensor | None], Tensor]

WARM_UP_CALLS = 3
"""Calls before a graph is recorded, so that libraries have chosen their kernels."""


class TorchInference:
    """An inference model on a device; a call is an `embed.runtime.RunInference`.

    On a GPU batches of `graph_sizes` are recorded once and replayed; one of any other size is run as it is.
    """

    def __init__(
        self, model: InferenceModel, metadata: EncoderMetadata, device: torch.device, graph_sizes: Sequence[int]
    ) -> None:
        halve_later_stages(model.network)
        self._model = model.to(device).to(memory_format=torch.channels_last)
        self._metadata, self._device = metadata, device
        self._graph_sizes = frozenset(graph_sizes) if device.type == "cuda" else frozenset()
        self._replays: dict[int, Forward] = {}

    def __call__(self, images: NDArray[np.uint8], priors: NDArray[np.float32] | None) -> NDArray[np.float32]:
        image_tensor = torch.from_numpy(images).to(self._device)
        prior_tensor = None if priors is None else torch.from_numpy(priors).to(self._device)
        with torch.inference_mode():
            vectors: Tensor = self._choose(len(images))(image_tensor, prior_tensor)
        return np.array(vectors.cpu().numpy(), np.float32)

    def _choose(self, size: int) -> Forward:
        if size not in self._graph_sizes:
            return cast("Forward", self._model)
        if size not in self._replays:
            self._replays[size] = self._record(size)
        return self._replays[size]

    def _record(self, size: int) -> Forward:
        """Record a CUDA graph for batches of `size`.

        A graph reads and writes the same memory every time, so its inputs are copied there before each replay.
        """
        # Step 1: the memory of the inputs
        height, width = self._metadata.size_hw
        images = torch.zeros(size, height, width, 3, dtype=torch.uint8, device=self._device)
        priors = None
        if self._metadata.priors:
            across, down = self._metadata.prior_size
            priors = torch.zeros(size, 2, down, across, device=self._device)
        # Step 2: warm up on a stream aside, as recording wants it
        aside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP_CALLS):
                self._model(images, priors)
        torch.cuda.current_stream(self._device).wait_stream(aside)
        # Step 3: record
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            vectors: Tensor = self._model(images, priors)

        def replay(image_tensor: Tensor, prior_tensor: Tensor | None) -> Tensor:
            images.copy_(image_tensor)
            if priors is not None and prior_tensor is not None:
                priors.copy_(prior_tensor)
            graph.replay()
            return vectors

        return replay


def halve_later_stages(network: ReidNetwork) -> None:
    """Convert the second and third stages of MSINet and GRL to float16; all else, and other networks, stay float32.

    In float16 throughout, vectors of trained networks turn by up to five degrees (cosine .996), nearly all of it in the
    first stage; like this the cosine stays above .9999.
    """
    if not isinstance(network, MsiNet):
        return
    trunk = network.trunk
    later: list[nn.Module] = [*trunk.down, *trunk.first[1:], *trunk.second[1:]]
    if isinstance(network, Grl):
        later += network.fusions[1:]
    for module in later:
        module.half().register_forward_pre_hook(_casting_to(torch.float16))
    for module in (network.auxiliary, network.project):
        module.register_forward_pre_hook(_casting_to(torch.float32))


def _casting_to(kind: torch.dtype) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each.to(kind) for each in inputs)

    return hook


def on_gpu(exported: ExportedEncoder, graph_sizes: Sequence[int]) -> TorchInference:
    """Open an exported encoder on the GPU; batches of `graph_sizes` crops get a CUDA graph each.

    Raises ConfigError where there is no GPU, WeightsError where the weights are not of the same export.
    """
    if not torch.cuda.is_available():
        raise ConfigError("embed.device 'cuda': PyTorch finds no GPU here (use 'cpu')")
    return TorchInference(load_weights_beside(exported), exported.metadata, torch.device("cuda"), graph_sizes)


def load_weights_beside(exported: ExportedEncoder) -> InferenceModel:
    """Load the network of the .safetensors file beside an exported one; raises WeightsError unless it is its twin."""
    from safetensors import SafetensorError, safe_open

    path = exported.path.with_suffix(".safetensors")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the weights {path}: {error} (export the encoder again)") from error
    if header.get("id") != exported.id or KEY not in header:
        raise WeightsError(f"{path} is not of the same export as {exported.path} (export the encoder again)")
    return load_inference_model(path, exported.metadata.model)
