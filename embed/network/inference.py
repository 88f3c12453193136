"""The inference model: normalisation, network and L2 norm, from BGR pixels to comparable vectors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from embed.exported import KEY, read_metadata
from embed.network.factory import build_encoder
from embed.network.network import ReidNetwork
from embed.network.settings import PIXEL_MEAN, PIXEL_STD, NetworkSettings
from ingest.errors import WeightsError


class InferenceModel(nn.Module):
    """A network from images (B, H, W, 3) uint8 BGR, and priors (B, 2, H/4, W/4) or None, to (B, dim) of norm 1."""

    def __init__(self, network: ReidNetwork) -> None:
        super().__init__()
        self.network = network.eval()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", _plane(PIXEL_MEAN), persistent=False)
        self.register_buffer("std", _plane(PIXEL_STD), persistent=False)

    def forward(self, images: Tensor, priors: Tensor | None = None) -> Tensor:
        rgb = images.permute(0, 3, 1, 2).float().flip(1)
        return cast("Tensor", self.network((rgb - self.mean) / self.std, priors))


def _plane(of_unit: tuple[float, ...]) -> Tensor:
    return 255.0 * torch.tensor(of_unit).view(1, 3, 1, 1)


def inference_weights(network: ReidNetwork) -> dict[str, Tensor]:
    """Select the weights that the test feature needs: no classifiers, no counters of batches."""
    used = {id(part) for module in network.deployed_modules() for part in (*module.parameters(), *module.buffers())}
    state = network.state_dict(keep_vars=True)
    return {name: value.detach() for name, value in state.items() if id(value) in used and value.is_floating_point()}


def read_weights(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Name of the network and weights of an export's .safetensors file; raises WeightsError for any other."""
    with _opened(path) as (file, settings):
        return settings.name, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)


def read_settings(path: Path) -> NetworkSettings:
    """Settings of the network of an export's .safetensors file; raises WeightsError for any other file."""
    with _opened(path) as (_, settings):
        return settings


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, NetworkSettings]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            yield file, read_metadata((file.metadata() or {}).get(KEY, ""), path).model
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is not the weights of an export: {error} (export the encoder again)") from error


def load_inference_model(path: Path, settings: NetworkSettings) -> InferenceModel:
    """Load the network of a .safetensors file in float32; raises WeightsError for weights that are not those needed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = build_encoder(settings, identities=1)
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the weights {path}: {error} (export the encoder again)") from error
    needed = inference_weights(network)
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in needed.items()}:
        raise WeightsError(f"{path} has not the weights of a {settings.name} (export the encoder again)")
    with torch.no_grad():
        for name, value in weights.items():
            needed[name].copy_(value)
    return InferenceModel(network)
