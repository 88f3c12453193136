"""The training objective as one module: the network, the align module, and the weighted sum of losses."""

from typing import Final

import torch
from torch import Tensor, nn

from embed.network.network import ReidNetwork, TrainingOutput
from embed.network.settings import NetworkSettings
from training.datasets.base import UNLABELLED
from training.encoder.losses import agreement_loss, contrast_loss, identity_loss, triplet_loss
from training.encoder.memory_bank import BatchAlignment, MemoryBanks
from training.encoder.recipe import Recipe
from training.teacher.loss import TeacherLoss

ALIGN_BY_NETWORK: Final = {"grl": "banks", "msinet": "batch"}
"""Align loss that each network's paper trains with; baselines have none."""

LOSSES = ("total", "identity", "triplet", "align", "teacher", "agree", "contrast")


class Objective(nn.Module):
    """The losses of a batch, (7,) in the order of LOSSES, unweighted but for the total; 0 what it does not have.

    Identity and triplet losses are summed over the network's branches. Images of known identity stand first in a
    batch; the others are learned from a teacher, and from two looks of each, alone. `network`, `align` and `imitation`
    are its parts; `teacher_weight` is that of the step, which the trainer sets where it falls.
    """

    def __init__(
        self,
        network: ReidNetwork,
        settings: NetworkSettings,
        recipe: Recipe,
        *,
        named: bool = True,
        teacher_dim: int = 0,
    ) -> None:
        """`named`: whether there are identities at all; `teacher_dim`: length of the teacher's vectors, 0 without."""
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.teacher_weight = recipe.teacher_weight
        kind = ALIGN_BY_NETWORK.get(settings.name, "none") if recipe.align == "auto" else recipe.align
        self.align: MemoryBanks | BatchAlignment | None = None
        height, width = settings.height // network.map_stride, settings.width // network.map_stride
        if named and kind == "banks":
            slots = recipe.bank_slots or recipe.batch * recipe.shown
            self.align = MemoryBanks(network.map_channels, height, width, slots, recipe.bank_momentum)
        elif named and kind == "batch":
            self.align = BatchAlignment(network.map_channels)
        self.teaches_all = recipe.teacher_feature == "tested" and network.test_feature == "msinet"
        taught = network.feature_dim if self.teaches_all else network.map_channels
        self.imitation = (
            TeacherLoss(taught, teacher_dim, own_head=recipe.teacher_head == "own") if teacher_dim else None
        )

    @property
    def slots(self) -> int:
        """Slots to draw from in each step; 0 where there is no memory."""
        return self.align.slots if isinstance(self.align, MemoryBanks) else 0

    def forward(
        self,
        images: Tensor,
        priors: Tensor | None,
        labels: Tensor,
        drawn: Tensor,
        targets: Tensor | None = None,
        crops: Tensor | None = None,
    ) -> Tensor:
        output = self.network(images, priors)
        assert isinstance(output, TrainingOutput), "the network must be in training mode"
        with torch.autocast(images.device.type, enabled=False):
            identity, triplet, align, contrast = self._of_identities(output, labels, drawn)
            teacher, agree = self._of_teacher(output, targets), self._of_looks(output, labels, crops)
            parts = torch.stack([identity, triplet, align, teacher, agree, contrast])
            recipe = self.recipe
            weights = parts.new_tensor(
                [1.0, 1.0, recipe.align_weight, self.teacher_weight, recipe.agree_weight, recipe.contrast_weight]
            )
            return torch.cat([(weights * parts).sum()[None], parts])

    def _of_identities(self, output: TrainingOutput, labels: Tensor, drawn: Tensor) -> tuple[Tensor, ...]:
        """Identity, triplet, align and contrast losses of the images with an identity, in float32.

        Distances of nearly equal vectors are lost in anything smaller.
        """
        known = int((labels != UNLABELLED).sum())
        if not known:
            # What nothing is learned by stays in the graph all the same: spread over processes, all must take part.
            nothing = torch.stack([0.0 * each.float().sum() for each in (*output.logits, *output.features)]).sum()
            return nothing, nothing, nothing, nothing
        labels = labels[:known]
        logits, features = ([each[:known] for each in branch] for branch in (output.logits, output.features))
        margin, raw = self.recipe.margin, self.recipe.triplet == "raw"
        identity = torch.stack([identity_loss(each, labels, self.recipe.smoothing) for each in logits])
        triplet = torch.stack([triplet_loss(each, labels, margin, raw=raw) for each in features])
        align = self._align(output.final_map[:known].float(), labels, drawn)
        # What is compared in the end is all branches together, so that is what contrast looks at.
        contrast = contrast_loss(torch.cat(features, dim=1), labels) if self.recipe.contrast_weight else 0.0 * align
        return identity.sum(), triplet.sum(), align, contrast

    def _of_teacher(self, output: TrainingOutput, targets: Tensor | None) -> Tensor:
        """Imitation loss of the main branch, or of both, against the teacher's vectors; zero without a teacher."""
        if self.imitation is None or targets is None:
            return output.final_map.new_zeros((), dtype=torch.float32)
        taught = output.features if self.teaches_all else output.features[:1]
        loss: Tensor = self.imitation(torch.cat(taught, dim=1).float(), targets)
        return loss

    def _of_looks(self, output: TrainingOutput, labels: Tensor, crops: Tensor | None) -> Tensor:
        """Agreement of two looks of each image, summed over the branches; zero where each is shown once."""
        if not self.recipe.agree_weight or crops is None:
            return output.final_map.new_zeros((), dtype=torch.float32)
        return torch.stack([agreement_loss(each, labels, crops) for each in output.features]).sum()

    def _align(self, final_map: Tensor, labels: Tensor, drawn: Tensor) -> Tensor:
        if self.align is None:
            return final_map.new_zeros((), dtype=torch.float32)
        loss: Tensor
        loss = self.align(final_map, labels, drawn) if self.slots else self.align(final_map, labels)
        return loss
