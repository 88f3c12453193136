"""Everything that learns in one module: the network, the align module, and the weighted sum of losses."""

from typing import Final

import torch
from torch import Tensor, nn

from embed.network.network import Learned, ReidNetwork
from embed.network.settings import NetworkSettings
from training.losses import identity_loss, triplet_loss
from training.memory_bank import BatchAlignment, MemoryBanks
from training.recipe import Recipe

ALIGN_BY_NETWORK: Final = {"grl": "banks", "msinet": "batch"}
"""What the papers train with; baselines have no align loss."""

LOSSES = ("total", "identity", "triplet", "align")


class Objective(nn.Module):
    """The loss of a batch: (4,) total, identity, triplet and align (0 without it), unweighted but for the total.

    Identity and triplet losses are summed over the network's branches. `network` and `align` are its parts.
    """

    def __init__(self, network: ReidNetwork, settings: NetworkSettings, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        kind = ALIGN_BY_NETWORK.get(settings.name, "none") if recipe.align == "auto" else recipe.align
        height, width = settings.height // network.map_stride, settings.width // network.map_stride
        self.align: MemoryBanks | BatchAlignment | None = None
        if kind == "banks":
            self.align = MemoryBanks(network.map_channels, height, width, slots=recipe.batch)
        elif kind == "batch":
            self.align = BatchAlignment(network.map_channels)

    @property
    def slots(self) -> int:
        """Slots to draw from in each step; 0 where there is no memory."""
        return self.align.slots if isinstance(self.align, MemoryBanks) else 0

    def forward(self, images: Tensor, priors: Tensor | None, labels: Tensor, drawn: Tensor) -> Tensor:
        learned = self.network(images, priors)
        assert isinstance(learned, Learned), "the network must be in training mode"
        with torch.autocast(images.device.type, enabled=False):
            return self._losses(learned, labels, drawn)

    def _losses(self, learned: Learned, labels: Tensor, drawn: Tensor) -> Tensor:
        """In float32: distances of nearly equal vectors are lost in anything smaller."""
        identity = torch.stack([identity_loss(logits, labels, self.recipe.smoothing) for logits in learned.logits])
        triplet = torch.stack([triplet_loss(feature, labels, self.recipe.margin) for feature in learned.features])
        align = self._align(learned.final_map.float(), labels, drawn)
        parts = torch.stack([identity.sum(), triplet.sum(), align])
        total = parts[0] + parts[1] + self.recipe.align_weight * parts[2]
        return torch.cat([total[None], parts])

    def _align(self, final_map: Tensor, labels: Tensor, drawn: Tensor) -> Tensor:
        if self.align is None:
            return final_map.new_zeros((), dtype=torch.float32)
        loss: Tensor
        loss = self.align(final_map, labels, drawn) if self.slots else self.align(final_map, labels)
        return loss
