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
from training.batches.loader import Keys, batches
from training.encoder.distributed import Place
from training.encoder.journal import EpochRow, Journal, Standing
from training.encoder.objective import LOSSES
from training.encoder.precision import Precision
from training.encoder.trainer import Job, Trainer

logger = logging.getLogger(__name__)

PACE_STEPS = 50
"""The pace is that of so many steps."""

Validate = Callable[[ReidNetwork], Mapping[str, float]]
"""Figures of the network that would be deployed, handed over in evaluation mode and not to be changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What goes on around a training: the clock, who is told of every step, who may stop it, and who validates."""

    clock: Clock
    report: Callable[[Standing], None] = lambda standing: None
    stopped: Callable[[], bool] = lambda: False
    validate: Validate | None = None


def train(job: Job, place: Place, precision: Precision, watch: Watch, *, resume: bool = False) -> Trainer:
    """Train to the end of the recipe, or until stopped; the checkpoint then is the state returned.

    Raises ConfigError where the folder holds a training already and `resume` is not asked for, or the checkpoint is
    of other settings; DivergedError; CheckpointError where the disk is full.
    """
    if job.checkpoint.exists() and not resume:
        raise ConfigError(f"{job.checkpoint} exists already (go on with --resume, or give another `out`)")
    trainer = Trainer(job, place, precision)
    if job.checkpoint.exists():
        trainer.resume()
    elif resume and place.leads:
        logger.warning("there is no %s to go on with: the training begins anew", job.checkpoint)
    _Run(trainer, watch).run()
    return trainer


class _Run:
    """One call of `train`: the way from where the trainer stands."""

    def __init__(self, trainer: Trainer, watch: Watch) -> None:
        self.trainer, self.watch = trainer, watch
        self.job, self.recipe, self.place = trainer.job, trainer.recipe, trainer.place
        self.journal = Journal(self.job.folder, trainer.rows, trainer.steps_done) if self.place.leads else None
        self.step_times_s: deque[float] = deque(maxlen=PACE_STEPS + 1)
        self.saved_s = self.epoch_began_s = watch.clock.monotonic_s()

    def run(self) -> None:
        try:
            for _ in self._steps():
                if self.place.any(self.watch.stopped()):
                    break
                if self.watch.clock.monotonic_s() - self.saved_s >= self.job.checkpoint_every_s:
                    self._save()
            self._save()
        finally:
            if self.journal is not None:
                self.journal.close()

    def _steps(self) -> Iterator[None]:
        """Take one step after the other; what is due at an epoch's end is done when the last step is handed out."""
        trainer, recipe = self.trainer, self.recipe
        module: nn.Module = trainer.objective.train()
        if self.place.processes > 1:
            module = DistributedDataParallel(module, forward_sync_buffers=False)
        epochs = range(trainer.epoch, recipe.epochs)
        keys = Keys(trainer.plan, epochs, trainer.step, self.place.rank, self.place.processes)
        feed = batches(trainer.data, keys, self.place.device)
        for epoch in epochs:
            steps = len(trainer.plan.epoch(epoch))
            for step in range(trainer.step, steps):
                rate = recipe.rate_at(epoch + (step / steps if recipe.schedule == "cosine" else 0.0))
                losses = trainer.learn(module, next(feed).to(self.place.device), rate)
                last = step + 1 == steps
                trained_s = self.watch.clock.monotonic_s()
                validation = self._validated() if last else {}
                self._tell(losses, rate, steps, validation, trained_s)
                if last:
                    self._end_epoch(rate, validation, trained_s)
                yield

    def _tell(self, losses: Tensor, rate: float, steps: int, validation: Mapping[str, float], trained_s: float) -> None:
        if self.journal is None:
            return
        trainer = self.trainer
        self.journal.step(trainer.steps_done, rate, dict(zip(LOSSES, losses.tolist(), strict=True)))
        self.step_times_s.append(trained_s)
        passed_s = self.step_times_s[-1] - self.step_times_s[0]
        steps_per_s = (len(self.step_times_s) - 1) / passed_s if passed_s else 0.0
        known = [validation, *(row["validation"] for row in reversed(trainer.rows))]
        ahead = (self.recipe.epochs - trainer.epoch) * steps - trainer.step
        self.watch.report(
            Standing(
                epoch=trainer.epoch + 1,
                epochs=self.recipe.epochs,
                step=trainer.step,
                steps=steps,
                rate=rate,
                losses=trainer.means(),
                images_per_s=steps_per_s * trainer.plan.size,
                remaining_s=ahead / steps_per_s if steps_per_s else 0.0,
                validation=next(filter(None, known), {}),
            )
        )

    def _end_epoch(self, rate: float, validation: dict[str, float], trained_s: float) -> None:
        trainer, number = self.trainer, self.trainer.epoch + 1
        row: EpochRow = {"epoch": number, "rate": rate, **trainer.means(), "images": trainer.step * trainer.plan.size}
        row["seconds"] = round(trained_s - self.epoch_began_s, 3)
        row["validation"] = validation
        trainer.begin_epoch(row)
        if self.journal is not None:
            self.journal.epoch(row, trainer.steps_done)
        self.epoch_began_s = self.watch.clock.monotonic_s()
        self.step_times_s.clear()

    def _validated(self) -> dict[str, float]:
        """The figures after this epoch where they are due; what goes wrong with them is no reason to end a training."""
        number = self.trainer.epoch + 1
        due = number == self.recipe.epochs or number % self.job.validate_every == 0
        if self.watch.validate is None or not due or not self.place.leads:
            return {}
        network = self.trainer.network.eval()
        try:
            return dict(self.watch.validate(network))
        except CorridorError as error:
            logger.warning("no validation after epoch %d: %s", number, error)
            return {}
        finally:
            network.train()

    def _save(self) -> None:
        self.saved_s = self.watch.clock.monotonic_s()
        if self.place.leads:
            self.trainer.save()
