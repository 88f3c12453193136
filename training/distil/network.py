"""The student: a small convolutional network that says for every cell of a grid whether a vehicle's middle is there.

No anchors: a heat map a label, and from every cell the distances to the four sides of the box around it (Tian et al.
2019, FCOS; Zhou et al. 2019, CenterNet). One grid of STRIDE pixels serves vehicles of all sizes; the coarser maps are
for what lies around them.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
"""Pixels of the input from one cell to the next."""

COARSEST = 32
"""Sides of the input are multiples of this."""

CHANNELS = (16, 24, 64, 96, 128)
"""Channels at strides 2, 4, 8, 16, 32."""

NECK = 32
PRIOR = 0.01
"""Probability in every cell of an untrained network, so that the many empty ones do not swamp the first steps."""

SMALL_SIDE = 1.5
"""Logarithm of the distance to a side, in strides, that an untrained network says."""


class SiteNetwork(nn.Module):
    """Network from images (B, 3, H, W) float32 BGR 0..255 to `forward`'s logits and sides.

    Logits are (B, labels, H/4, W/4); sides (B, 4, H/4, W/4) the distances in pixels from the middle of a cell to the
    left, top, right and bottom of its box.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            # The two finest maps are large: a single convolution each.
            nn.Sequential(conv(before, after, stride=2), *([Residual(after)] if number >= 2 else []))
            for number, (before, after) in enumerate(pairwise((3, *CHANNELS)))
        )
        self.across = nn.ModuleList(nn.Conv2d(width, NECK, 1) for width in CHANNELS[1:])
        self.smooth = conv(NECK, NECK)
        self.heat = nn.Sequential(conv(NECK, NECK), last(labels, math.log(PRIOR / (1 - PRIOR))))
        self.sides = nn.Sequential(conv(NECK, NECK), last(4, SMALL_SIDE))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        values = (images - 114.0) / 58.0
        maps = []
        for stage in self.stages:
            values = stage(values)
            maps.append(values)
        merged = self.across[-1](maps[-1])
        for finer, across in zip(reversed(maps[1:-1]), reversed(self.across[:-1]), strict=True):
            merged = across(finer) + functional.interpolate(merged, scale_factor=2.0, mode="nearest")
        merged = self.smooth(merged)
        return self.heat(merged), STRIDE * torch.exp(self.sides(merged).clamp(max=6.0))


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(values + self.second(self.first(values)))


def last(after: int, starts_at: float) -> nn.Conv2d:
    """1x1 convolution that says nearly the same of every cell before it has learned."""
    layer = nn.Conv2d(NECK, after, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, starts_at)
    return layer


def conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )
