"""The losses of an encoder: cross entropy, triplets, and the alignment of activation maps."""

import torch
from torch import Tensor
from torch.nn import functional

from training.datasets.base import UNLABELLED

COSINE_EPS = 1e-6

AGREEMENT_TEMPERATURE = 0.1
CONTRAST_TEMPERATURE = 0.1


def identity_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Cross entropy of (B, identities) against (B,) labels; `smoothing` of the mass is spread over all identities."""
    return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)


def triplet_loss(features: Tensor, labels: Tensor, margin: float, *, raw: bool = False) -> Tensor:
    """Batch-hard triplets: farthest positive against nearest negative, Euclidean, of features (B, D).

    Equation 8 of the GRL paper (Hermans et al., 2017) on features of norm 1, as in MSINet's code, or, `raw`, on them as
    they are, as it is written. An anchor that has no negative in the batch counts nothing.
    """
    wide = features.float()
    distances = _distances(wide if raw else functional.normalize(wide, dim=1))
    same = labels[:, None] == labels[None, :]
    hardest_positive = distances.masked_fill(~same, 0.0).amax(dim=1)
    nearest_negative = distances.masked_fill(same, torch.inf).amin(dim=1)
    return functional.relu(hardest_positive - nearest_negative + margin).mean()


def _distances(rows: Tensor) -> Tensor:
    """(B, B) Euclidean distances, with a finite gradient at 0."""
    squares = rows.square().sum(dim=1)
    return (squares[:, None] + squares[None, :] - 2.0 * rows @ rows.T).clamp(min=1e-12).sqrt()


def agreement_loss(features: Tensor, labels: Tensor, crops: Tensor) -> Tensor:
    """Agreement of two looks of one crop: cross entropy of finding the other look of (B, D) features in the batch.

    NT-Xent (Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020) over
    cosines by AGREEMENT_TEMPERATURE. Other images of the same vehicle are no wrong answers and are left out.

    labels: (B,), UNLABELLED where an image's vehicle is not known. crops: (B,), the same number for both looks.
    """
    unit = functional.normalize(features.float(), dim=1)
    looks = crops[:, None] == crops[None, :]
    known = labels != UNLABELLED
    same_vehicle = (labels[:, None] == labels[None, :]) & known[:, None]
    own = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    logits = (unit @ unit.T / AGREEMENT_TEMPERATURE).masked_fill(own | (same_vehicle & ~looks), -torch.inf)
    other_look = (looks & ~own).int().argmax(dim=1)
    return functional.cross_entropy(logits, other_look)


def contrast_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Supervised contrast: cross entropy of finding each other image of a vehicle among those of all other vehicles.

    Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, over cosines of features (B, D) by
    CONTRAST_TEMPERATURE; as in Yeh et al., "Decoupled Contrastive Learning", ECCV 2022, the other images of the vehicle
    are no wrong answers. Unlike a classifier it has no weights that must be learned before it teaches. 0 where the
    batch has no two images of a vehicle, or no two vehicles.
    """
    unit = functional.normalize(features.float(), dim=1)
    same = labels[:, None] == labels[None, :]
    logits = unit @ unit.T / CONTRAST_TEMPERATURE
    # So far down instead of at minus infinity: where all images are one vehicle's, the gradient stays a number.
    others = torch.logsumexp(logits.masked_fill(same, -1e4), dim=1, keepdim=True)
    pairs = same & ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    return functional.softplus(others - logits)[pairs].sum() / pairs.sum().clamp(min=1)


def align_loss(anchors: Tensor, locals_: Tensor, labels: Tensor) -> Tensor:
    """The spatial alignment loss L_pos + L_neg over activation maps of P positions, with 1 - cosine between maps.

    anchors: (B, P), one map of each image; locals_: (S, B, P), maps of every image as each of S slots sees it.
    L_pos: an anchor against the maps of its identity, itself among them; L_neg: the maps of all other identities
    against each other. Means over anchors, pairs and slots; identities may have different numbers of images.

    A mean of dot products is the dot product of means, so no pair is ever written down: for unit maps w,
    mean_pp' w_p . w_p' = |mean_p w_p|^2.
    """
    anchor_units, local_units = _units(anchors), _units(locals_)
    positive, negative = _shares(labels)
    alike = torch.einsum("bp,bq,sqp->sb", anchor_units, positive, local_units)
    return 1.0 - alike.mean() + _disagreement(torch.einsum("bq,sqp->sbp", negative, local_units), negative)


def paired_align_loss(anchors: Tensor, pairs: Tensor, labels: Tensor) -> Tensor:
    """Align loss where every anchor has a slot of its own: pairs (B, B, P), [g, p] is image p as g sees it."""
    anchor_units, pair_units = _units(anchors), _units(pairs)
    positive, negative = _shares(labels)
    alike = torch.einsum("bp,bq,bqp->b", anchor_units, positive, pair_units)
    return 1.0 - alike.mean() + _disagreement(torch.einsum("bq,bqp->bp", negative, pair_units), negative)


def _units(maps: Tensor) -> Tensor:
    """Every map (..., P) divided by its length, in float32."""
    wide = maps.float()
    lengths: Tensor = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    return wide / lengths.clamp(min=COSINE_EPS)


def _shares(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Two (B, B) matrices whose rows average over an anchor's positives, and over its negatives (0 without any)."""
    same = (labels[:, None] == labels[None, :]).float()
    other = 1.0 - same
    return same / same.sum(dim=1, keepdim=True), other / other.sum(dim=1, keepdim=True).clamp(min=1.0)


def _disagreement(mean_negative: Tensor, negative: Tensor) -> Tensor:
    """L_neg from the mean unit maps (..., B, P) of each anchor's negatives."""
    has_negatives = (negative.sum(dim=1) > 0).float()
    loss: Tensor = has_negatives - mean_negative.square().sum(dim=-1)
    return loss.mean()
