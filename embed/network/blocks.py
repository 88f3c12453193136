"""The building blocks of MSINet and OSNet (Gu et al., CVPR 2023; Zhou et al., ICCV 2019)."""

from typing import Literal

import torch
from torch import Tensor, nn

Interaction = Literal["none", "exchange", "gate", "attention"]


def conv_norm(channels_in: int, channels_out: int, *, relu: bool = True) -> nn.Sequential:
    """Build a 1x1 convolution without bias, batch normalisation, and ReLU if wanted."""
    layers: list[nn.Module] = [nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def stem() -> nn.Sequential:
    """Build the stem, (B, 3, H, W) to (B, 64, H/4, W/4): a 7x7 convolution and max pooling."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def downsample(channels: int) -> nn.Sequential:
    """Halve height and width, the channels as they are: a 1x1 convolution and average pooling."""
    return nn.Sequential(conv_norm(channels, channels), nn.AvgPool2d(2, stride=2))


class LightConv(nn.Sequential):
    """A 3x3 convolution in two: 1x1 across channels, then 3x3 in each; only then normalisation and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


def light_convs(channels: int, count: int) -> nn.Sequential:
    """Chain light convolutions: a receptive field of 2 count + 1."""
    return nn.Sequential(*(LightConv(channels) for _ in range(count)))


class Gate(nn.Module):
    """OSNet's aggregation gate: every channel times a weight computed from the averaged map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 16, 1)
        self.expand = nn.Conv2d(channels // 16, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.expand(torch.relu(self.squeeze(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(weights)


class GateBoth(nn.Module):
    """One gate for both branches."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = Gate(channels)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return self.gate(a), self.gate(b)


class Exchange(nn.Module):
    """Exchange of the two branches' maps."""

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return b, a


class Keep(nn.Module):
    """No interaction: each branch keeps its map."""

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return a, b


class CrossAttention(nn.Module):
    """Channel attention with the other branch's keys, added in a share that begins with 0.

    In float32 whatever autocast says: the energies are sums over h * w positions, too large for float16.
    """

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(a.device.type, enabled=False):
            flat_a, flat_b = a.float().flatten(2), b.float().flatten(2)
            energy = flat_a @ flat_b.transpose(1, 2)
            mixed_a = self._mix(energy, flat_a)
            mixed_b = self._mix(energy.transpose(1, 2), flat_b)
        return mixed_a.to(a.dtype).view(a.shape), mixed_b.to(b.dtype).view(b.shape)

    def _mix(self, energy: Tensor, flat: Tensor) -> Tensor:
        attention = torch.softmax(energy.amax(dim=2, keepdim=True) - energy, dim=2)
        return self.share * (attention @ flat) + flat


def interaction(kind: Interaction, channels: int) -> nn.Module:
    """Build the interaction of the two branches of a cell: two maps (B, channels, h, w) in, two out."""
    if kind == "gate":
        return GateBoth(channels)
    if kind == "attention":
        return CrossAttention()
    return Exchange() if kind == "exchange" else Keep()


class Cell(nn.Module):
    """MSINet's cell: two branches of small and large receptive field that interact twice, summed onto the input."""

    def __init__(self, channels_in: int, channels_out: int, interactions: tuple[Interaction, Interaction]) -> None:
        super().__init__()
        middle = channels_out // 4
        self.enter_a = conv_norm(channels_in, middle)
        self.enter_b = conv_norm(channels_in, middle)
        self.small = nn.ModuleList(light_convs(middle, 1) for _ in interactions)
        self.large = nn.ModuleList(light_convs(middle, 3) for _ in interactions)
        self.interact = nn.ModuleList(interaction(kind, middle) for kind in interactions)
        self.leave_a = conv_norm(middle, channels_out, relu=False)
        self.leave_b = conv_norm(middle, channels_out, relu=False)
        same = channels_in == channels_out
        self.skip = nn.Identity() if same else conv_norm(channels_in, channels_out, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.enter_a(x), self.enter_b(x)
        for small, large, interact in zip(self.small, self.large, self.interact, strict=True):
            a, b = interact(small(a), large(b))
        return torch.relu(self.leave_a(a) + self.leave_b(b) + self.skip(x))
