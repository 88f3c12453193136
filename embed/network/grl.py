"""GRL: MSINet guided by a box and a mask (Li et al., IEEE T-ITS 2025, III-C, equations 3 and 4)."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from embed.network.msinet import STAGES, MsiNet
from embed.network.network import initialise
from embed.network.settings import PRIOR_STRIDE, AdaptorOrder, Fusion, TestFeature

PRIORS = 2
"""Channels of a prior: the box filled with ones, and the mask."""


class Adaptor(nn.Sequential):
    """Adaptor of a prior to the next stage's size: ReLU, normalisation, 3x3 convolution, or in the other order."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, order: AdaptorOrder) -> None:
        convolution = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        if order == "relu-norm-conv":
            super().__init__(nn.ReLU(), nn.BatchNorm2d(channels_in), convolution)
        else:
            super().__init__(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


class PriorFusion(nn.Module):
    """A 1x1 convolution of prior and feature map, as W_F F + W_P P; both begin as if there were no prior.

    `residual` leaves W_F the identity; `dense` learns it, as the paper has it.
    """

    def __init__(self, channels: int, prior_channels: int, fusion: Fusion) -> None:
        super().__init__()
        self.of_prior = nn.Conv2d(prior_channels, channels, 1, bias=False)
        self.of_map = nn.Conv2d(channels, channels, 1, bias=False) if fusion == "dense" else None

    def begin_as_identity(self) -> None:
        """Initialise W_F = 1, W_P = 0."""
        nn.init.zeros_(self.of_prior.weight)
        if self.of_map is not None:
            nn.init.dirac_(self.of_map.weight)

    def forward(self, prior: Tensor, feature_map: Tensor) -> Tensor:
        kept = feature_map if self.of_map is None else self.of_map(feature_map)
        return cast("Tensor", kept + self.of_prior(prior))


class Grl(MsiNet):
    """MSINet with a prior fused in between the two cells of each stage.

    Priors are (B, 2, H/4, W/4), or of the input's own size and averaged down here; None says that the whole image
    is vehicle.
    """

    test_features: ClassVar[tuple[TestFeature, ...]] = ("f3", "msinet", "neck")
    takes_priors: ClassVar[bool] = True

    def __init__(
        self,
        identities: int,
        test_feature: TestFeature | None = None,
        fusion: Fusion = "residual",
        prior_channels: int = 16,
        adaptor_order: AdaptorOrder = "relu-norm-conv",
        main_share: float | None = None,
    ) -> None:
        super().__init__(identities, test_feature, main_share)
        widths = (PRIORS, prior_channels, prior_channels)
        strides = (1, 2, 2)
        self.adaptors = nn.ModuleList(
            Adaptor(width, prior_channels, stride, adaptor_order) for width, stride in zip(widths, strides, strict=True)
        )
        self.fusions = nn.ModuleList(PriorFusion(channels, prior_channels, fusion) for channels in STAGES)
        initialise(self.adaptors)
        for each in self.fusions:
            cast("PriorFusion", each).begin_as_identity()

    def maps(self, images: Tensor, priors: Tensor | None) -> tuple[Tensor, Tensor]:
        prior = quarter_size(images, priors)
        adapted = []
        for adaptor in self.adaptors:
            prior = adaptor(prior)
            adapted.append(prior)
        last, stage3_input = self.trunk(images, lambda stage, x: self.fusions[stage](adapted[stage], x))
        return last, stage3_input

    def inference_modules(self) -> list[nn.Module]:
        return [*super().inference_modules(), self.adaptors, self.fusions]


def quarter_size(images: Tensor, priors: Tensor | None) -> Tensor:
    """Bring priors to the size of stage 1, (B, 2, H/4, W/4); ones where there are none.

    Raises ValueError for priors of any other size than that or the images' own.
    """
    height, width = images.shape[2] // PRIOR_STRIDE, images.shape[3] // PRIOR_STRIDE
    if priors is None:
        return torch.ones(images.shape[0], PRIORS, height, width, device=images.device, dtype=images.dtype)
    if priors.shape[2:] == (height, width):
        return priors
    if priors.shape[2:] != images.shape[2:]:
        raise ValueError(f"priors of {tuple(priors.shape[2:])} for images of {tuple(images.shape[2:])}")
    return functional.avg_pool2d(priors, PRIOR_STRIDE)
