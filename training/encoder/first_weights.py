"""First weights of a training: those of another training's checkpoint, or of an export."""

from pathlib import Path

import torch
from torch import nn

from embed.network.inference import read_weights
from embed.network.network import ReidNetwork
from ingest.errors import ConfigError
from training.encoder.checkpoint import EXPORTED_SUFFIX, load_checkpoint, load_network

HEADS = ("project.", "neck.", "auxiliary_project.", "auxiliary_neck.", "auxiliary.")
"""What an export may lack, since its test feature does not need it."""

FRESH = ("adaptors.", "fusions.")
"""GRL's parts that an MSINet does not have; with their first weights GRL does what the MSINet did."""


def start_from(network: ReidNetwork, path: Path) -> None:
    """Take over the weights of another training's network, all but its classifiers; raises ConfigError if unlike.

    `path` is a checkpoint, or the .safetensors file of an export, which has no heads: those of the network stay. Raises
    CheckpointError or WeightsError for a file that is neither.
    """
    exported = path.suffix == EXPORTED_SUFFIX
    name, weights = read_weights(path) if exported else _network_of(path)
    taken = {key: value.float() for key, value in weights.items() if not _of_classifier(key)}
    own = network.state_dict()
    strange = [key for key, value in taken.items() if key not in own or own[key].shape != value.shape]
    fresh = (*FRESH, *HEADS) if exported else FRESH
    missing = [key for key in own if not (key in taken or _of_classifier(key) or _left(key, fresh))]
    if strange or missing:
        raise ConfigError(
            f"{path} holds {name}, which does not fit this {type(network).__name__}: "
            f"{(strange or missing)[0]} (the same [model] is needed, or an msinet for a grl)"
        )
    network.load_state_dict(taken, strict=False)


def _network_of(path: Path) -> tuple[str, dict[str, torch.Tensor]]:
    other, origin, _ = load_network(path)
    return origin.model.name, other.state_dict()


def carry_over_head(head: nn.Module, path: Path) -> None:
    """Take over another training's projection towards its teacher, where it has one of this size; else leave it."""
    if path.suffix == EXPORTED_SUFFIX:
        return
    own, (_, state) = head.state_dict(), load_checkpoint(path)
    prefix = "imitation."
    taken = {key.removeprefix(prefix): value for key, value in state["objective"].items() if key.startswith(prefix)}
    if own.keys() == taken.keys() and all(own[key].shape == value.shape for key, value in taken.items()):
        head.load_state_dict(taken)


def _of_classifier(key: str) -> bool:
    return "classifier." in key


def _left(key: str, fresh: tuple[str, ...]) -> bool:
    return key.startswith(fresh) or key.endswith("num_batches_tracked")
