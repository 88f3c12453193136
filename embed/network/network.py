"""The interface of every encoder network: one output in training, one test feature in inference."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from embed.network.settings import TestFeature
from ingest.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class TrainingOutput:
    """A network's output in training, of a batch of B images.

    features: (B, D) of each branch, before its neck; logits: (B, identities) of the same branches;
    final_map: (B, C, h, w), the last stage.
    """

    features: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]
    final_map: Tensor


class ReidNetwork(nn.Module, ABC):
    """A network from images (B, 3, H, W), normalised, and priors (B, 2, h, w) in 0..1; None: everything is vehicle.

    In training mode a call returns `TrainingOutput`; in evaluation mode (B, dim) float32 test features of L2 norm 1.
    `map_stride` and `map_channels` describe the last stage.
    """

    test_features: ClassVar[tuple[TestFeature, ...]]
    """The test features it can give, its own choice first."""
    map_channels: ClassVar[int]
    map_stride: ClassVar[int] = 16
    takes_priors: ClassVar[bool] = False

    def __init__(self, test_feature: TestFeature | None) -> None:
        super().__init__()
        self.test_feature = test_feature or self.test_features[0]
        if self.test_feature not in self.test_features:
            known = ", ".join(self.test_features)
            raise ConfigError(f"{type(self).__name__} has no test feature '{self.test_feature}' (it has: {known})")
        self.projection: nn.Linear | None = None

    @property
    def dim(self) -> int:
        """The length of the vectors: of the test feature, or what it is projected to."""
        return self.feature_dim if self.projection is None else self.projection.out_features

    def project_to(self, dim: int) -> nn.Linear:
        """Add a linear projection of the test feature, of norm 1, to `dim` numbers; returns it, not yet fitted."""
        self.projection = nn.Linear(self.feature_dim, dim)
        return self.projection

    @property
    @abstractmethod
    def feature_dim(self) -> int:
        """The length of the test feature."""

    @abstractmethod
    def forward_training(self, images: Tensor, priors: Tensor | None) -> TrainingOutput:
        """Compute features and logits of every branch."""

    @abstractmethod
    def embed(self, images: Tensor, priors: Tensor | None) -> Tensor:
        """Compute test features (B, dim), not normalised."""

    @abstractmethod
    def inference_modules(self) -> list[nn.Module]:
        """The modules that the test feature needs."""

    def forward(self, images: Tensor, priors: Tensor | None = None) -> TrainingOutput | Tensor:
        if self.training:
            return self.forward_training(images, priors)
        feature = functional.normalize(self.embed(images, priors).float(), dim=1)
        return feature if self.projection is None else functional.normalize(self.projection(feature), dim=1)

    def deployed_modules(self) -> list[nn.Module]:
        """The modules that the vectors need."""
        return [*self.inference_modules(), *([] if self.projection is None else [self.projection])]


def initialise(module: nn.Module) -> None:
    """Initialise convolutions Kaiming-normal (fan out), linear layers N(0, 0.01), biases 0.

    Normalisations keep PyTorch's weights of 1 and biases of 0.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.01)
        if isinstance(part, nn.Conv2d | nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)


def batch_norm_neck(dim: int) -> nn.BatchNorm1d:
    """Build a batch normalisation whose bias stays 0 (Luo et al., "A strong baseline and batch normalization neck")."""
    neck = nn.BatchNorm1d(dim)
    neck.bias.requires_grad_(False)
    return neck


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """Size of a network in parameters: with all heads but the classifiers, and those that its test feature needs."""

    trained: int
    deployed: int


def parameter_counts(network: ReidNetwork) -> ParameterCounts:
    """Count parameters, frozen ones too; classifiers are left out, since their size is the training set's."""
    classifiers = sum(_count(part) for name, part in network.named_modules() if name.endswith("classifier"))
    return ParameterCounts(_count(network) - classifiers, sum(_count(part) for part in network.deployed_modules()))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def pooled(feature_map: Tensor) -> Tensor:
    """Average a feature map (B, C, h, w) to (B, C)."""
    return torch.mean(feature_map, dim=(2, 3))
