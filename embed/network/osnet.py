"""OSNet x1.0 (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019): a baseline."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from embed.network.blocks import Gate, conv_norm, downsample, light_convs, stem
from embed.network.network import ReidNetwork, TrainingOutput, initialise, pooled
from embed.network.settings import TestFeature

STAGES = (256, 384, 512)
STREAMS = 4


class OmniScaleBlock(nn.Module):
    """OSNet's block: four streams of growing receptive field behind one shared gate, summed onto the input."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        middle = channels_out // 4
        self.enter = conv_norm(channels_in, middle)
        self.streams = nn.ModuleList(light_convs(middle, count) for count in range(1, STREAMS + 1))
        self.gate = Gate(middle)
        self.leave = conv_norm(middle, channels_out, relu=False)
        same = channels_in == channels_out
        self.skip = nn.Identity() if same else conv_norm(channels_in, channels_out, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        entered = self.enter(x)
        mixed = torch.stack([self.gate(stream(entered)) for stream in self.streams]).sum(dim=0)
        return torch.relu(self.leave(mixed) + self.skip(x))


class OsNet(ReidNetwork):
    """OSNet with one branch, whose test feature stands behind a fully connected layer.

    Identities are learned behind that layer and triplets before it, as in the other networks here: with batch-hard
    triplets on the very numbers that are classified, the cross entropy did not fall in 56,000 images (training/LOG.md).
    """

    test_features: ClassVar[tuple[TestFeature, ...]] = ("neck",)
    map_channels = STAGES[-1]

    def __init__(self, identities: int, test_feature: TestFeature | None = None) -> None:
        super().__init__(test_feature)
        stages: list[nn.Module] = []
        channels = 64
        for width in STAGES:
            stages += [OmniScaleBlock(channels, width), OmniScaleBlock(width, width)]
            stages += [downsample(width)] if width != STAGES[-1] else [conv_norm(width, width)]
            channels = width
        self.trunk = nn.Sequential(stem(), *stages)
        self.neck = nn.Sequential(nn.Linear(channels, channels), nn.BatchNorm1d(channels), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(channels, identities)
        initialise(self)

    @property
    def feature_dim(self) -> int:
        return STAGES[-1]

    def forward_training(self, images: Tensor, priors: Tensor | None) -> TrainingOutput:
        last = self.trunk(images)
        main = pooled(last)
        return TrainingOutput((main,), (self.classifier(self.neck(main)),), last)

    def embed(self, images: Tensor, priors: Tensor | None) -> Tensor:
        feature: Tensor = self.neck(pooled(self.trunk(images)))
        return feature

    def inference_modules(self) -> list[nn.Module]:
        return [self.trunk, self.neck]
