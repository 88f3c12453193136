"""MSINet x1.0 (Gu et al., "MSINet: Twins Contrastive Search of Multi-Scale Interaction for Object ReID", CVPR 2023)."""

from collections.abc import Callable
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from embed.network.blocks import Cell, Interaction, downsample, stem
from embed.network.network import ReidNetwork, TrainingOutput, batch_norm_neck, initialise, pooled
from embed.network.settings import TestFeature

STAGES: Final = (256, 384, 512)
"""Channels of the three stages."""

INTERACTIONS: Final[tuple[tuple[tuple[Interaction, Interaction], tuple[Interaction, Interaction]], ...]] = (
    (("gate", "gate"), ("exchange", "gate")),
    (("attention", "gate"), ("gate", "none")),
    (("gate", "attention"), ("exchange", "attention")),
)
"""Interactions between the branches of both cells of every stage, as the paper's search on MSMT17 found them."""

AUXILIARY_CHANNELS: Final = 128

Fuse = Callable[[int, Tensor], Tensor]


def unchanged(_stage: int, feature_map: Tensor) -> Tensor:
    """Return a stage's feature map without fusion."""
    return feature_map


class Trunk(nn.Module):
    """Trunk from images (B, 3, H, W) to the last stage (B, 512, H/16, W/16) and its input (B, 384, H/16, W/16).

    `fuse(stage, map)` is called between the two cells of each stage.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = stem()
        before = (64, *STAGES)
        pairs = zip(before, STAGES, INTERACTIONS, strict=False)
        self.first = nn.ModuleList()
        self.second = nn.ModuleList()
        for channels_in, channels_out, (one, two) in pairs:
            self.first.append(Cell(channels_in, channels_out, one))
            self.second.append(Cell(channels_out, channels_out, two))
        self.down = nn.ModuleList(downsample(channels) for channels in STAGES[:-1])

    def forward(self, images: Tensor, fuse: Fuse = unchanged) -> tuple[Tensor, Tensor]:
        x = self.stem(images)
        stage3_input = x
        for stage, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            stage3_input = x
            x = second(fuse(stage, first(x)))
            if stage < len(self.down):
                x = self.down[stage](x)
        return x, stage3_input


class MsiNet(ReidNetwork):
    """The trunk with a global branch on the last stage and an auxiliary one, of two parts, on stage 3's input."""

    test_features: ClassVar[tuple[TestFeature, ...]] = ("msinet", "f3", "neck")
    map_channels = STAGES[-1]

    def __init__(
        self, identities: int, test_feature: TestFeature | None = None, main_share: float | None = None
    ) -> None:
        super().__init__(test_feature)
        self.main_share = main_share
        part_channels = 2 * AUXILIARY_CHANNELS
        self.trunk = Trunk()
        self.project = nn.Linear(STAGES[-1], STAGES[-1], bias=False)
        self.neck = batch_norm_neck(STAGES[-1])
        self.classifier = nn.Linear(STAGES[-1], identities)
        self.auxiliary = nn.Conv2d(STAGES[1], AUXILIARY_CHANNELS, 1)
        self.auxiliary_project = nn.Linear(part_channels, part_channels, bias=False)
        self.auxiliary_neck = batch_norm_neck(part_channels)
        self.auxiliary_classifier = nn.Linear(part_channels, identities)
        initialise(self)

    @property
    def feature_dim(self) -> int:
        return STAGES[-1] + (2 * AUXILIARY_CHANNELS if self.test_feature == "msinet" else 0)

    def maps(self, images: Tensor, priors: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute the last stage and its input; MSINet has no use for priors."""
        last, stage3_input = self.trunk(images)
        return last, stage3_input

    def forward_training(self, images: Tensor, priors: Tensor | None) -> TrainingOutput:
        last, stage3_input = self.maps(images, priors)
        main, part_feature = pooled(last), self._part_feature(stage3_input)
        logits = self.classifier(self.neck(self.project(main)))
        auxiliary = self.auxiliary_classifier(self.auxiliary_neck(self.auxiliary_project(part_feature)))
        return TrainingOutput((main, part_feature), (logits, auxiliary), last)

    def embed(self, images: Tensor, priors: Tensor | None) -> Tensor:
        last, stage3_input = self.maps(images, priors)
        main = pooled(last)
        if self.test_feature == "f3":
            return main
        if self.test_feature == "neck":
            neck: Tensor = self.neck(self.project(main))
            return neck
        return self._joined(main, self._part_feature(stage3_input))

    def _joined(self, main: Tensor, part_feature: Tensor) -> Tensor:
        """Join both parts as they come, or so that each cosine counts its share."""
        if self.main_share is None:
            return torch.cat([main, part_feature], dim=1)
        parts = ((main, self.main_share), (part_feature, 1.0 - self.main_share))
        return torch.cat([share**0.5 * functional.normalize(part.float(), dim=1) for part, share in parts], dim=1)

    def inference_modules(self) -> list[nn.Module]:
        more: dict[TestFeature, list[nn.Module]] = {
            "f3": [],
            "msinet": [self.auxiliary],
            "neck": [self.project, self.neck],
        }
        return [self.trunk, *more[self.test_feature]]

    def _part_feature(self, stage3_input: Tensor) -> Tensor:
        """Part feature (B, 256): the auxiliary map averaged over its upper and its lower half."""
        upper, lower = torch.chunk(self.auxiliary(stage3_input), 2, dim=2)
        return torch.cat([pooled(upper), pooled(lower)], dim=1)
