"""Learning from a teacher's vectors: the same directions, and the same likenesses between pictures."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from embed.network.network import batch_norm_neck

LIKENESS_WEIGHT = 10.0
"""Squared differences of cosines are about a tenth of the cosines' own distances."""


class Imitation(nn.Module):
    """The loss of features (B, `channels`) against a teacher's vectors (B, `dim`) of norm 1; rows of NaN count nothing.

    A learned linear projection of the features is to point where the teacher's vector points (1 - cosine), which
    teaches what the teacher sees; the features' own cosine similarities within the batch are to be the teacher's
    (Park et al., "Relational Knowledge Distillation", CVPR 2019, with cosines for distances), which teaches the
    feature that is used in the end, where there is no projection.
    """

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.neck = batch_norm_neck(channels)
        self.project = nn.Linear(channels, dim, bias=False)

    def forward(self, features: Tensor, targets: Tensor) -> Tensor:
        projected = self.project(self.neck(features))
        taught = ~targets[:, 0].isnan()
        said = targets[taught]
        direction = 1.0 - functional.cosine_similarity(projected[taught], said, dim=1)
        return direction.sum() / max(len(said), 1) + LIKENESS_WEIGHT * likeness_loss(features[taught], said)


def likeness_loss(features: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference of the cosines between every two of (n, D) and between every two of (n, D')."""
    ours, theirs = (functional.normalize(vectors, dim=1) for vectors in (features, targets))
    squared = (ours @ ours.T - theirs @ theirs.T).square()
    pairs = len(features) * (len(features) - 1)
    # A vector is as like itself here as there; the rest is every pair twice.
    return torch.sum(squared - torch.diag(squared.diagonal())) / max(pairs, 1)
