"""The targets of a student, and its losses.

After Liu et al. 2020, TTFNet: heat maps are elliptic Gaussians as wide as the boxes, and boxes are learned from every
cell under their Gaussian, not from the middle alone, which takes a fraction of the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from detect.detections import Boxes
from training.distil.network import STRIDE

SPREAD = 0.54 / 6
"""Standard deviation of a Gaussian per length of the box's side (TTFNet's alpha of 0.54)."""

SIDES_WEIGHT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Target of one image or, stacked, of a batch, on the (h, w) grid of cells.

    heat: (labels, h, w) in 0..1, 1 in the middles; known: (h, w) false where the teacher was unsure; boxes:
    (4, h, w) xyxy in pixels of the input; weight: (h, w) how much a cell's box counts, 0 where there is none; they
    sum up to the number of boxes.
    """

    heat: NDArray[np.float32]
    known: NDArray[np.float32]
    boxes: NDArray[np.float32]
    weight: NDArray[np.float32]


def make_target(boxes: Boxes, labels: Sequence[int], unsure: Boxes, count: int, size: tuple[int, int]) -> Target:
    """Make the target of boxes with label numbers below `count`, and of `unsure` boxes, in a (width, height) input."""
    width, height = size[0] // STRIDE, size[1] // STRIDE
    target = Target(
        np.zeros((count, height, width), np.float32),
        np.ones((height, width), np.float32),
        np.zeros((4, height, width), np.float32),
        np.zeros((height, width), np.float32),
    )
    for left, top, right, bottom in unsure / STRIDE:
        target.known[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = 0
    # Large first: where boxes lie over each other, the smaller one's cells are its own.
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    for number in order.tolist():
        _draw(target, boxes[number], labels[number])
    return target


def _draw(target: Target, box: NDArray[np.float32], label: int) -> None:
    left, top, right, bottom = (box / STRIDE).tolist()
    height, width = target.weight.shape
    column = min(max(int((left + right) / 2), 0), width - 1)
    row = min(max(int((top + bottom) / 2), 0), height - 1)
    gauss = np.outer(_bell(height, row, (bottom - top) * SPREAD), _bell(width, column, (right - left) * SPREAD))
    np.maximum(target.heat[label], gauss, out=target.heat[label])
    region = gauss > 0.05
    target.boxes[:, region] = box[:, None]
    target.weight[region] = gauss[region] / gauss[region].sum()
    target.known[region] = 1


def _bell(count: int, middle: int, deviation: float) -> NDArray[np.float32]:
    off = np.arange(count, dtype=np.float32) - middle
    return np.asarray(np.exp(-(off**2) / (2 * max(deviation, 0.3) ** 2)), np.float32)


def losses(logits: Tensor, sides: Tensor, heat: Tensor, known: Tensor, boxes: Tensor, weight: Tensor) -> Tensor:
    """Losses (2,) of heat map and boxes, by vehicle, of a batch of the columns of `Target`."""
    count = (heat == 1).sum().clamp(min=1)
    return torch.stack(
        [
            heat_loss(logits.float(), heat, known) / count,
            SIDES_WEIGHT * (weight * (1 - giou(boxes_of(sides.float()), boxes))).sum() / count,
        ]
    )


def heat_loss(logits: Tensor, heat: Tensor, known: Tensor) -> Tensor:
    """The focal loss of CenterNet: cells around a middle count the less the closer they are."""
    heat_scores = logits.sigmoid()
    middles = (heat == 1).float()
    missed = functional.softplus(-logits) * (1 - heat_scores) ** 2 * middles
    false = functional.softplus(logits) * heat_scores**2 * (1 - heat) ** 4 * (1 - middles)
    return ((missed + false) * known[:, None]).sum()


def boxes_of(sides: Tensor) -> Tensor:
    """Boxes (B, 4, h, w), xyxy in pixels of the input, from the distances to the middles of the cells."""
    _, _, height, width = sides.shape
    across = (torch.arange(width, device=sides.device) + 0.5)[None, None, :] * STRIDE
    down = (torch.arange(height, device=sides.device) + 0.5)[None, :, None] * STRIDE
    left, top, right, bottom = sides.unbind(1)
    return torch.stack([across - left, down - top, across + right, down + bottom], 1)


def giou(one: Tensor, other: Tensor) -> Tensor:
    """Generalised intersection over union (B, h, w) of (B, 4, h, w) xyxy (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = _area(one) + _area(other) - shared
    around = (torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])).prod(1)
    return shared / union.clamp(min=1e-6) - (around - union) / around.clamp(min=1e-6)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)
