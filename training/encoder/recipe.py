"""Training recipes of an encoder, as values: the paper's, and a shorter one."""

import math
from typing import Annotated, Final, Literal

import msgspec

from ingest.errors import ConfigError

UnitShare = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]

WARM_UP_START = 0.01
"""Part of its full value that the learning rate begins at."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[recipe]` table. The defaults are MSINet's, which the GRL paper repeats as far as it names any.

    base: whose values hold for what the table does not say: `paper` or `modern`.
    identities, images: a batch is so many identities with so many images each, over all processes.
    optimiser: `sgd` has momentum 0.9 and decays every parameter, `adamw` spares normalisations and biases.
    schedule: `steps` multiplies the rate by 0.1 at each of `milestones` (epochs), `cosine` lets it sink to 0.
    align: `banks` is GRL's memory, `batch` MSINet's comparison of all pairs, `auto` what the network's paper has, and
        `none` for the baselines.
    align_weight: the paper says 2.0 in one place and 10 in another; MSINet's code has 2.0.
    triplet: distances of features of norm 1, as MSINet's code has them, or of `raw` ones, as the paper writes them.
    bank_slots: maps in GRL's local memory, of which SAMPLED_SLOTS are drawn in a step; 0: as many as images in a batch,
        1: the single map of the paper's equation 6. bank_momentum: how much of a memory stays in a step.
    contrast_weight: of finding a vehicle's other images among those of the batch's other vehicles, by all branches
        together.
    clip_norm: gradients are shortened to this norm, 0 leaves them; they are of some hundreds at the start.
    ema_decay: the deployed weights are this average of all steps' weights, 0 takes the last; it begins shorter.
    teacher_images: a batch has so many images without identity beside the others, where the data has some.
    teacher_weight: of the distance from a teacher's vectors, where there is a teacher.
    teacher_head: what is to have the teacher's neighbours: the `feature` that is used in the end, or a projection of
        its `own`, so that the feature is free to see what the teacher does not.
    teacher_feature: what learns from the teacher: `f3`, the last stage, or the whole of what is `tested` in the end.
    teacher_schedule: `constant`, or `falling` along a cosine from its full weight to 0 at the end.
    looks: how often a crop is shown as another camera might have taken it: levels, size, focus, noise, compression.
    agree_weight: of the agreement of two looks of one crop; above 0 every image of a batch is shown twice.
    prior_dropout: how often an image's prior is hidden, or only its box shown, in training.
    zoom: the network is shown a part of the image whose sides are shorter by up to this share, of changed aspect.
    erase: how often a rectangle of the image is painted over; pad_px: black border before the random crop.
    jitter: how far brightness, contrast and saturation vary.
    """

    base: Literal["paper", "modern"] = "paper"
    epochs: PositiveCount = 350
    identities: Annotated[int, msgspec.Meta(ge=2)] = 16
    images: Annotated[int, msgspec.Meta(ge=2)] = 4
    optimiser: Literal["sgd", "adamw"] = "sgd"
    rate: Positive = 0.065
    weight_decay: NotNegative = 5e-4
    warm_up_epochs: NotNegative = 10
    schedule: Literal["steps", "cosine"] = "steps"
    milestones: tuple[int, ...] = (150, 225, 300)
    contrast_weight: NotNegative = 0.0
    clip_norm: NotNegative = 0.0
    ema_decay: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    smoothing: UnitShare = 0.1
    margin: NotNegative = 0.3
    align: Literal["auto", "banks", "batch", "none"] = "auto"
    align_weight: NotNegative = 2.0
    triplet: Literal["unit", "raw"] = "unit"
    bank_slots: Annotated[int, msgspec.Meta(ge=0)] = 0
    bank_momentum: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.9
    teacher_images: PositiveCount = 32
    teacher_weight: NotNegative = 5.0
    teacher_head: Literal["feature", "own"] = "feature"
    teacher_feature: Literal["f3", "tested"] = "f3"
    teacher_schedule: Literal["constant", "falling"] = "constant"
    looks: UnitShare = 0.0
    agree_weight: NotNegative = 0.0
    prior_dropout: UnitShare = 0.15
    flip: UnitShare = 0.5
    pad_px: Annotated[int, msgspec.Meta(ge=0)] = 10
    zoom: Annotated[float, msgspec.Meta(ge=0, le=0.9)] = 0.0
    erase: UnitShare = 0.5
    jitter: tuple[UnitShare, UnitShare, UnitShare] = (0.0, 0.0, 0.0)

    @property
    def batch(self) -> int:
        """Images of known identity in a batch."""
        return self.identities * self.images

    @property
    def shown(self) -> int:
        """How often a batch has each of its images: twice where two looks of it are to agree."""
        return 2 if self.agree_weight else 1

    def teacher_weight_at(self, epoch: float) -> float:
        """Weight of the teacher's loss when so many epochs have been trained, parts of one included."""
        if self.teacher_schedule == "constant":
            return self.teacher_weight
        return self.teacher_weight * 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / self.epochs)))

    def rate_at(self, epoch: float) -> float:
        """The learning rate when so many epochs have been trained, parts of one included where it is smooth."""
        factor = 1.0
        if epoch < self.warm_up_epochs:
            factor = WARM_UP_START + (1.0 - WARM_UP_START) * epoch / self.warm_up_epochs
        if self.schedule == "cosine":
            return self.rate * factor * 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / self.epochs)))
        return self.rate * factor * float(0.1 ** sum(epoch >= milestone for milestone in self.milestones))


PAPER: Final = Recipe()

MODERN: Final = Recipe(
    base="modern",
    epochs=60,
    optimiser="adamw",
    rate=1e-3,
    weight_decay=0.02,
    warm_up_epochs=3,
    schedule="cosine",
    milestones=(),
    ema_decay=0.998,
    jitter=(0.3, 0.3, 0.2),
)

RECIPES: Final = {"paper": PAPER, "modern": MODERN}


def described(recipe: Recipe) -> str:
    """Name a recipe by its base and its changed values, as in `modern, epochs 3, pad_px 5`."""
    base = msgspec.to_builtins(RECIPES[recipe.base])
    changed = {key: value for key, value in msgspec.to_builtins(recipe).items() if value != base[key]}
    return ", ".join([recipe.base, *(f"{key} {value}" for key, value in changed.items())])


def completed(table: dict[str, object]) -> dict[str, object]:
    """A `[recipe]` table with the values of its base filled in; raises ConfigError for a base that is not known."""
    base = table.get("base", "paper")
    if not isinstance(base, str) or base not in RECIPES:
        raise ConfigError(f"key 'recipe.base': there is no recipe {base!r} (one of: {', '.join(RECIPES)})")
    return {**msgspec.to_builtins(RECIPES[base]), **table}
