"""State of one training: its steps, its checkpoint, and resuming from it."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from embed.network.factory import build_encoder
from embed.network.network import ReidNetwork
from ingest.errors import CorridorError
from training.batches.augment import PriorSource
from training.batches.loader import Batch, TrainingSet
from training.batches.sampler import BatchPlan
from training.datasets.base import IdentityMap, ImageSet, need_images
from training.encoder.checkpoint import Origin, check_same, load_checkpoint, save_checkpoint
from training.encoder.distributed import DistributedContext
from training.encoder.first_weights import carry_over_head, start_from
from training.encoder.journal import EpochRow
from training.encoder.memory_bank import SAMPLED_SLOTS
from training.encoder.objective import LOSSES, Objective
from training.encoder.precision import Precision
from training.encoder.recipe import Recipe
from training.encoder.seeding import RandomStream, generator

logger = logging.getLogger(__name__)

CHECKPOINT_NAME = "checkpoint.pt"


class DivergedError(CorridorError):
    """A loss or a gradient is no number any more; nothing of that step has been kept."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSpec:
    """The training spec: what to train, and where its run is kept.

    images: the training set; prior_of: their priors, or None for networks without and for "everything is vehicle";
    targets: (N, D) float32 a teacher's vector of each image, NaN where there is none, or None without one; times: (N,)
    how often an image is shown in an epoch, or None for once; start: another training's checkpoint to begin with;
    checkpoint_every_s: a checkpoint is written at the first step after so many seconds, and at the end.
    """

    images: ImageSet
    prior_of: PriorSource | None
    origin: Origin
    folder: Path
    checkpoint_every_s: float = 300.0
    validate_every: int = 10
    targets: NDArray[np.float32] | None = None
    times: NDArray[np.int64] | None = None
    start: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.folder / CHECKPOINT_NAME


class Trainer:
    """State of a training: weights, banks, optimiser, average, and the step it stands before.

    Every draw follows from the seed and the place in the training, so that no generator's state is needed to go on;
    torch's, which only the first weights come from, is kept for completeness.
    """

    def __init__(self, spec: TrainingSpec, context: DistributedContext, precision: Precision) -> None:
        self.spec, self.context, self.precision = spec, context, precision
        self.recipe: Recipe = spec.origin.recipe
        if spec.origin.identities:
            context.check_split(self.recipe.identities)
        # Step 1: labels, batches, and the images they are loaded from
        labels = IdentityMap(spec.origin.identities).labels(need_images(spec.images, "the training set"))
        self.plan = BatchPlan.of(
            labels,
            spec.images.cameras,
            identities=self.recipe.identities,
            images=self.recipe.images,
            seed=spec.origin.seed,
            times=spec.times,
            others_images=self.recipe.teacher_images,
        )
        self.data = TrainingSet(
            spec.images, labels, spec.prior_of, spec.origin.model, self.recipe, spec.origin.seed, spec.targets
        )
        # Step 2: the network, seeded or from another training's weights, and its losses
        torch.manual_seed(spec.origin.seed)
        network = build_encoder(spec.origin.model, len(spec.origin.identities))
        if spec.start is not None:
            start_from(network, spec.start)
        teacher_dim = 0 if spec.targets is None else spec.targets.shape[1]
        self.objective = Objective(
            network, spec.origin.model, self.recipe, named=bool(spec.origin.identities), teacher_dim=teacher_dim
        )
        if spec.start is not None and self.objective.imitation is not None:
            carry_over_head(self.objective.imitation, spec.start)
        self.objective.to(context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Step 3: optimiser, averaged weights, and loss scaling for float16
        self.optimiser = make_optimiser(self.objective, self.recipe)
        self.average = (
            AveragedModel(network, multi_avg_fn=growing_average(self.recipe.ema_decay), use_buffers=True)
            if self.recipe.ema_decay
            else None
        )
        self.scaler = torch.amp.GradScaler(context.device.type, enabled=precision.scales)
        # Step 4: the place in the training
        self.epoch = self.step = self.steps_done = 0
        self.sums = torch.zeros(len(LOSSES), dtype=torch.float64)
        self.rows: list[EpochRow] = []

    def resume(self) -> None:
        """Go on from the checkpoint; raises CheckpointError for a damaged one, ConfigError for another training's."""
        origin, state = load_checkpoint(self.spec.checkpoint)
        check_same(self.spec.checkpoint, origin, self.spec.origin)
        self._say_other_precision(state.get("precision", ""))
        self.objective.load_state_dict(state["objective"])
        self.optimiser.load_state_dict(state["optimiser"])
        if state["scaler"]:  # empty where the precision before needed none
            self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epoch, self.step, self.steps_done = state["epoch"], state["step"], state["steps_done"]
        self.sums[: len(state["sums"])] = state["sums"]  # those of an older version have fewer losses
        self.rows = state["rows"]
        torch.set_rng_state(state["torch_rng"])

    def save(self) -> None:
        """Write the checkpoint; raises CheckpointError, and the one before is intact."""
        state: dict[str, Any] = {
            "objective": self.objective.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "steps_done": self.steps_done,
            "sums": self.sums,
            "rows": self.rows,
            "torch_rng": torch.get_rng_state(),
            "precision": self.precision.arithmetic,
        }
        save_checkpoint(self.spec.checkpoint, self.spec.origin, state)

    def _say_other_precision(self, before: str) -> None:
        """Warn where the checkpoint was computed in other numbers; one of an older version does not say in which."""
        now = self.precision.arithmetic
        if before and before != now and self.context.is_leader:
            logger.warning(
                "%s was trained in %s so far and goes on in %s: the result is that of neither alone (set `precision`)",
                self.spec.checkpoint,
                before,
                now,
            )

    @property
    def network(self) -> ReidNetwork:
        """The network that is deployed: the average where there is one."""
        return self.objective.network if self.average is None else cast("ReidNetwork", self.average.module)

    @property
    def images_a_step(self) -> int:
        """Images that a step is taken over, two looks of one counted twice."""
        return self.plan.size * self.recipe.shown

    def train_step(self, module: nn.Module, batch: Batch, rate: float) -> Tensor:
        """Take one step with `module`, the objective or its distributed wrapper; returns the losses, (7,) float64.

        rate: learning rate of this step. Raises DivergedError before a weight has changed.
        """
        # Step 1: forward pass at this step's rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        with self.precision.context():
            drawn = self._draw_slots()
            losses: Tensor = module(batch.images, batch.priors, batch.labels, drawn, batch.targets, batch.crops)
        # Step 2: losses over all processes; raise before a weight has changed
        means = self.context.mean(losses.detach().double()).cpu()
        if not torch.isfinite(means).all():
            values = zip(LOSSES, means.tolist(), strict=True)
            raise DivergedError(self._diverged("loss", ", ".join(f"{name} {value:.4g}" for name, value in values)))
        # Step 3: backward pass, unscaled and clipped
        self.scaler.scale(losses[0]).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), self.recipe.clip_norm or math.inf)
        if not (self.precision.scales or torch.isfinite(norm)):  # a scaler passes over such a step itself
            raise DivergedError(self._diverged("gradient", f"norm {norm:.4g}"))
        # Step 4: update weights, then their average
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.objective.network)
        # Step 5: count the step
        self.sums += means
        self.step += 1
        self.steps_done += 1
        return means

    def means(self) -> dict[str, float]:
        """The losses of this epoch so far."""
        return dict(zip(LOSSES, (self.sums / max(self.step, 1)).tolist(), strict=True))

    def begin_epoch(self, row: EpochRow) -> None:
        """Begin the next epoch; `row` is the record of the one that is over."""
        self.rows.append(row)
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = torch.zeros_like(self.sums)

    def _draw_slots(self) -> Tensor:
        slots = self.objective.slots
        rng = generator(self.spec.origin.seed, RandomStream.MEMORY_SLOTS, self.steps_done)
        drawn = rng.choice(slots, min(SAMPLED_SLOTS, slots), replace=False) if slots else np.zeros(0, np.int64)
        return torch.from_numpy(drawn.astype(np.int64)).to(self.context.device)

    def _diverged(self, what: str, means: str) -> str:
        before = f"; {self.spec.checkpoint} is of a step before" if self.spec.checkpoint.exists() else ""
        return (
            f"the {what} is no number any more in epoch {self.epoch + 1}, step {self.step + 1} ({means}){before} "
            "(train again with a lower recipe.rate, or with recipe.clip_norm, into another `out`)"
        )


Averaging = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]


def growing_average(decay: float) -> Averaging:
    """Build an exponential moving average with a growing decay: else the first weights would long weigh most."""

    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        now = min(decay, (1.0 + float(steps)) / (10.0 + float(steps)))
        get_ema_multi_avg_fn(now)(list(averaged), list(current), steps)  # type: ignore[no-untyped-call]

    return average


def make_optimiser(objective: Objective, recipe: Recipe) -> torch.optim.Optimizer:
    """Build the optimiser of a recipe over every parameter that learns.

    SGD decays every parameter, as MSINet's code does; AdamW spares normalisations, biases and single numbers.
    """
    learning = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(learning, recipe.rate, momentum=0.9, weight_decay=recipe.weight_decay)
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.rate)
