"""Learning from a teacher's vectors: the same directions, and the same neighbours among images."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from embed.network.network import batch_norm_neck

TEMPERATURE = 0.1
"""Softmax temperature of the likenesses: images whose cosine is so much lower weigh e times less."""


class TeacherLoss(nn.Module):
    """The teacher loss of features (B, `channels`) against vectors (B, `dim`) of norm 1; rows of NaN count nothing.

    A learned linear projection of the features is to point where the teacher's vector points (1 - cosine), which
    teaches what the teacher sees; among the others of the batch, each image's features are to find alike whom the
    teacher finds alike (`likeness_loss`), which teaches the feature that is used in the end, where there is no
    projection. With `own_head` the neighbours too are those of the projection, so that the feature is not made to find
    alike what the teacher does: a person network finds one car's front and rear unalike.

    The teacher's vectors should have their mean taken off: what all images share says nothing of any.
    """

    def __init__(self, channels: int, dim: int, *, own_head: bool = False) -> None:
        super().__init__()
        self.own_head = own_head
        self.neck = batch_norm_neck(channels)
        self.project = nn.Linear(channels, dim, bias=False)

    def forward(self, features: Tensor, targets: Tensor) -> Tensor:
        projected = self.project(self.neck(features))
        taught = ~targets[:, 0].isnan()
        directions = targets[taught]
        direction = 1.0 - functional.cosine_similarity(projected[taught], directions, dim=1)
        compared = projected if self.own_head else features
        return direction.sum() / max(len(directions), 1) + likeness_loss(compared[taught], directions)


def likeness_loss(features: Tensor, targets: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of the likenesses within (n, D) features from those within (n, D') targets.

    Each row's cosines to all others, over TEMPERATURE, become shares by a softmax, and the shares are compared
    (Tejankar et al., "ISD: Self-Supervised Learning by Iterative Similarity Distillation", ICCV 2021, with the batch
    for their memory). Neighbours are what a ranking is made of, so that they count more than those far away.
    """
    if len(features) < 2:  # nobody to compare with
        return 0.0 * features.sum()
    ours, theirs = (_shares(vectors) for vectors in (features, targets))
    return functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")


def _shares(vectors: Tensor) -> Tensor:
    """(n, n - 1) logarithms of shares, of all others in their order."""
    unit = functional.normalize(vectors, dim=1)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    return functional.log_softmax((unit @ unit.T)[others].view(len(unit), -1) / TEMPERATURE, dim=1)
