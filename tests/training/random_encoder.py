"""A checkpoint of a network that was never trained, but whose every part matters to its vectors."""

from pathlib import Path

import torch

from embed.network.factory import build_encoder
from embed.network.network import ReidNetwork
from embed.network.settings import NetworkSettings
from training.encoder.checkpoint import Origin, save_checkpoint
from training.encoder.recipe import PAPER

IDENTITIES = 3


def random_checkpoint(path: Path, settings: NetworkSettings, seed: int = 0) -> ReidNetwork:
    """Write one; returns its network in evaluation mode."""
    torch.manual_seed(seed)
    network = stirred(build_encoder(settings, IDENTITIES))
    identities = tuple(str(number) for number in range(IDENTITIES))
    origin = Origin(model=settings, recipe=PAPER, seed=seed, data="none", identities=identities)
    weights = {f"network.{name}": value for name, value in network.state_dict().items()}
    save_checkpoint(path, origin, {"average": None, "objective": weights, "epoch": PAPER.epochs})
    return network.eval()


@torch.no_grad()
def stirred(network: ReidNetwork) -> ReidNetwork:
    """Parameters that begin as nothing become something, and normalisations that of pictures, as after a training."""
    for name, parameter in network.named_parameters():
        if name.endswith("share"):
            parameter.fill_(0.02)
        elif name.endswith("of_prior.weight"):
            parameter.normal_(std=0.2)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = 1.0  # one batch is all that they have seen
    rough = torch.nn.functional.interpolate(torch.randn(8, 3, 9, 9), size=64, mode="bilinear")
    network.train()(rough, torch.rand(8, 2, 16, 16).round() if network.takes_priors else None)
    return network
