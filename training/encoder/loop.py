"""Training one encoder to its end, or until it is stopped."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from embed.network.network import ReidNetwork
from ingest.clock import Clock
from ingest.errors import ConfigError, CorridorError
from training.batches.loader import BatchSampler, batches
from training.encoder.distributed import DistributedContext
from training.encoder.journal import EpochRow, Journal, TrainingProgress
from training.encoder.objective import LOSSES
from training.encoder.precision import Precision
from training.encoder.trainer import Trainer, TrainingSpec

logger = logging.getLogger(__name__)

PACE_STEPS = 50
"""Steps that the pace is averaged over."""

Validate = Callable[[ReidNetwork], Mapping[str, float]]
"""Figures of the network that would be deployed, handed over in evaluation mode and not to be changed."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCallbacks:
    """The callbacks of a training: the clock, the report of every step, the stop request, and the validation."""

    clock: Clock
    report: Callable[[TrainingProgress], None] = lambda progress: None
    stopped: Callable[[], bool] = lambda: False
    validate: Validate | None = None


def train(
    spec: TrainingSpec,
    context: DistributedContext,
    precision: Precision,
    callbacks: TrainingCallbacks,
    *,
    resume: bool = False,
) -> Trainer:
    """Train to the end of the recipe, or until stopped; the checkpoint then is the state returned.

    Raises ConfigError where the folder holds a training already and `resume` is not asked for, or the checkpoint is
    of other settings; DivergedError; CheckpointError where the disk is full.
    """
    if spec.checkpoint.exists() and not resume:
        raise ConfigError(f"{spec.checkpoint} exists already (go on with --resume, or give another `out`)")
    trainer = Trainer(spec, context, precision)
    if spec.checkpoint.exists():
        trainer.resume()
    elif resume and context.is_leader:
        logger.warning("there is no %s to go on with: the training begins anew", spec.checkpoint)
    _TrainingLoop(trainer, callbacks).run()
    return trainer


class _TrainingLoop:
    """One call of `train`, from the trainer's place to the end or the stop."""

    def __init__(self, trainer: Trainer, callbacks: TrainingCallbacks) -> None:
        self.trainer, self.callbacks = trainer, callbacks
        self.spec, self.recipe, self.context = trainer.spec, trainer.recipe, trainer.context
        self.journal = Journal(self.spec.folder, trainer.rows, trainer.steps_done) if self.context.is_leader else None
        self.step_times_s: deque[float] = deque(maxlen=PACE_STEPS + 1)
        self.saved_s = self.epoch_began_s = callbacks.clock.monotonic_s()

    def run(self) -> None:
        try:
            for _ in self._steps():
                if self.context.any(self.callbacks.stopped()):
                    break
                if self.callbacks.clock.monotonic_s() - self.saved_s >= self.spec.checkpoint_every_s:
                    self._save()
            self._save()
        finally:
            if self.journal is not None:
                self.journal.close()

    def _steps(self) -> Iterator[None]:
        """Take one step after the other; an epoch is validated and recorded before its last step is handed out."""
        trainer, recipe = self.trainer, self.recipe
        # Step 1: the objective, over all processes where there are several
        module: nn.Module = trainer.objective.train()
        if self.context.processes > 1:
            module = DistributedDataParallel(module, forward_sync_buffers=False)
        # Step 2: batches from the trainer's place on
        epochs = range(trainer.epoch, recipe.epochs)
        sampler = BatchSampler(trainer.plan, epochs, trainer.step, self.context.rank, self.context.processes)
        feed = batches(trainer.data, sampler, self.context.device)
        for epoch in epochs:
            steps = len(trainer.plan.epoch(epoch))
            for step in range(trainer.step, steps):
                # Step 3: a cosine schedule moves with every step, others with every epoch
                trainer.objective.teacher_weight = recipe.teacher_weight_at(epoch + step / steps)
                rate = recipe.rate_at(epoch + (step / steps if recipe.schedule == "cosine" else 0.0))
                losses = trainer.train_step(module, next(feed).to(self.context.device), rate)
                # Step 4: validate before reporting, so that the report of the last step has the figures
                last = step + 1 == steps
                trained_s = self.callbacks.clock.monotonic_s()
                validation = self._validated() if last else {}
                self._report_step(losses, rate, steps, validation, trained_s)
                if last:
                    self._end_epoch(rate, validation, trained_s)
                yield

    def _report_step(
        self, losses: Tensor, rate: float, steps: int, validation: Mapping[str, float], trained_s: float
    ) -> None:
        if self.journal is None:
            return
        trainer = self.trainer
        self.journal.step(trainer.steps_done, rate, dict(zip(LOSSES, losses.tolist(), strict=True)))
        self.step_times_s.append(trained_s)
        passed_s = self.step_times_s[-1] - self.step_times_s[0]
        steps_per_s = (len(self.step_times_s) - 1) / passed_s if passed_s else 0.0
        known = [validation, *(row["validation"] for row in reversed(trainer.rows))]
        ahead = (self.recipe.epochs - trainer.epoch) * steps - trainer.step
        self.callbacks.report(
            TrainingProgress(
                epoch=trainer.epoch + 1,
                epochs=self.recipe.epochs,
                step=trainer.step,
                steps=steps,
                rate=rate,
                losses=trainer.means(),
                images_per_s=steps_per_s * trainer.images_a_step,
                remaining_s=ahead / steps_per_s if steps_per_s else 0.0,
                validation=next(filter(None, known), {}),
            )
        )

    def _end_epoch(self, rate: float, validation: dict[str, float], trained_s: float) -> None:
        trainer, number = self.trainer, self.trainer.epoch + 1
        row: EpochRow = {
            "epoch": number,
            "rate": rate,
            **trainer.means(),
            "images": trainer.step * trainer.images_a_step,
        }
        row["seconds"] = round(trained_s - self.epoch_began_s, 3)
        row["validation"] = validation
        trainer.begin_epoch(row)
        if self.journal is not None:
            self.journal.epoch(row, trainer.steps_done)
        self.epoch_began_s = self.callbacks.clock.monotonic_s()
        self.step_times_s.clear()

    def _validated(self) -> dict[str, float]:
        """Figures after this epoch where they are due; an error of theirs is no reason to end a training."""
        number = self.trainer.epoch + 1
        due = number == self.recipe.epochs or number % self.spec.validate_every == 0
        if self.callbacks.validate is None or not due or not self.context.is_leader:
            return {}
        network = self.trainer.network.eval()
        try:
            return dict(self.callbacks.validate(network))
        except CorridorError as error:
            logger.warning("no validation after epoch %d: %s", number, error)
            return {}
        finally:
            network.train()

    def _save(self) -> None:
        self.saved_s = self.callbacks.clock.monotonic_s()
        if self.context.is_leader:
            self.trainer.save()
