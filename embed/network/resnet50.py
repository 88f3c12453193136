"""ResNet-50 with the batch normalisation neck (He et al., CVPR 2016; Luo et al., T-MM 2019): a baseline."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from embed.network.blocks import conv_norm, stem
from embed.network.network import ReidNetwork, TrainingOutput, batch_norm_neck, initialise, pooled
from embed.network.settings import TestFeature

STAGES = ((3, 256, 1), (4, 512, 2), (6, 1024, 2), (3, 2048, 1))
"""Blocks, channels and first stride of each stage; the last keeps its size, as the recipe wants."""


class Bottleneck(nn.Module):
    """Bottleneck block: 1x1, 3x3 and 1x1 convolutions, summed onto the input."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        middle = channels_out // 4
        self.residual = nn.Sequential(
            conv_norm(channels_in, middle),
            nn.Conv2d(middle, middle, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            conv_norm(middle, channels_out, relu=False),
        )
        self.skip: nn.Module = nn.Identity()
        if channels_in != channels_out:
            convolution = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)
            self.skip = nn.Sequential(convolution, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.residual(x) + self.skip(x))


class ResNet50(ReidNetwork):
    """ResNet-50 with one branch: triplets from the averaged last stage, a classifier without bias behind the neck."""

    test_features: ClassVar[tuple[TestFeature, ...]] = ("neck", "f3")
    map_channels = STAGES[-1][1]

    def __init__(self, identities: int, test_feature: TestFeature | None = None) -> None:
        super().__init__(test_feature)
        blocks: list[nn.Module] = []
        channels = 64
        for count, width, stride in STAGES:
            for place in range(count):
                blocks.append(Bottleneck(channels, width, stride if place == 0 else 1))
                channels = width
        self.trunk = nn.Sequential(stem(), *blocks)
        self.neck = batch_norm_neck(channels)
        self.classifier = nn.Linear(channels, identities, bias=False)
        initialise(self)

    @property
    def feature_dim(self) -> int:
        return STAGES[-1][1]

    def forward_training(self, images: Tensor, priors: Tensor | None) -> TrainingOutput:
        last = self.trunk(images)
        feature = pooled(last)
        return TrainingOutput((feature,), (self.classifier(self.neck(feature)),), last)

    def embed(self, images: Tensor, priors: Tensor | None) -> Tensor:
        feature = pooled(self.trunk(images))
        if self.test_feature == "f3":
            return feature
        neck: Tensor = self.neck(feature)
        return neck

    def inference_modules(self) -> list[nn.Module]:
        return [self.trunk, self.neck] if self.test_feature == "neck" else [self.trunk]
