"""A student in training: its state, a step, its checkpoint, and the way from the first step to the last."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ingest.clock import Clock
from ingest.errors import ConfigError
from training.distil.batches import DetectionBatch, DetectionBatches
from training.distil.labels import LabelledFrame
from training.distil.network import SiteNetwork
from training.distil.targets import losses
from training.encoder.checkpoint import read_saved, write_saved
from training.encoder.precision import Precision, choose_precision
from training.encoder.trainer import DivergedError, growing_average

FORMAT = "corridor distillation 1"
RATE, WARM_UP, DECAY = 2e-3, 30, 1e-4
CLIP_NORM = 10.0
AVERAGE_DECAY = 0.995
CHECKPOINT_EVERY_S = 60.0


class StudentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The training spec of a student; a checkpoint goes on only where all of it is the same.

    size: width and height of the input; frames: how many there are to learn from; data: fingerprint of their labels.
    """

    labels: tuple[str, ...]
    size: tuple[int, int]
    steps: int
    seed: int
    sure: float
    frames: int
    data: str

    def rate_at(self, step: int) -> float:
        """The learning rate: up in a short while, then down along a cosine."""
        return RATE * min((step + 1) / WARM_UP, 1.0) * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass(frozen=True, slots=True)
class DistillationProgress:
    """The progress of a training after a step, counted from 1; losses are averages over the last steps."""

    step: int
    steps: int
    heat: float
    boxes: float
    remaining_s: float


class Student:
    """Weights, their average, optimiser, and the step they stand before; every draw follows from seed and step."""

    def __init__(self, spec: StudentSpec, precision: Precision) -> None:
        self.spec, self.precision = spec, precision
        torch.manual_seed(spec.seed)
        network = SiteNetwork(len(spec.labels))
        self._learning = network.to(precision.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = AveragedModel(network, multi_avg_fn=growing_average(AVERAGE_DECAY), use_buffers=True)
        self._optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
        self._scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.scales)
        self.step = 0

    @property
    def network(self) -> SiteNetwork:
        """The network that is deployed."""
        return cast("SiteNetwork", self._average.module).eval()

    def train_step(self, batch: DetectionBatch) -> Tensor:
        """Take one step; returns two losses, of heat maps and boxes. Raises DivergedError before a weight changes."""
        batch = batch.to(self.precision.device)
        # Step 1: the rate of this step
        for group in self._optimiser.param_groups:
            group["lr"] = self.spec.rate_at(self.step)
        self._optimiser.zero_grad(set_to_none=True)
        # Step 2: forward pass and losses
        with self.precision.context():
            logits, sides = self._learning(batch.images)
        found = losses(logits, sides, batch.heat, batch.known, batch.boxes, batch.weight)
        if not torch.isfinite(found).all():
            raise DivergedError(f"the loss is no number any more in step {self.step + 1} (try another --seed)")
        # Step 3: backward pass, unscaled and clipped
        self._scaler.scale(found.sum()).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._learning.parameters(), CLIP_NORM)
        # Step 4: update weights, then their average
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._average.update_parameters(self._learning)
        self.step += 1
        return found.detach().cpu()

    def save(self, path: Path) -> None:
        """Write the checkpoint; raises CheckpointError, and what stood there before still does."""
        state = {name: part.state_dict() for name, part in self._parts().items()} | {"step": self.step}
        write_saved(path, FORMAT, {"course": msgspec.to_builtins(self.spec), "state": state})

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; raises CheckpointError for a damaged one, ConfigError for another course's."""
        content = read_saved(path, FORMAT)
        saved, wanted = content["course"], msgspec.to_builtins(self.spec)
        for key, value in wanted.items():
            if saved.get(key) != value:
                raise ConfigError(f"{path} was trained with {key} = {saved.get(key)}, not {value} (give another --out)")
        for name, part in self._parts().items():
            if content["state"][name]:  # a scaler's is empty where the precision before needed none
                part.load_state_dict(content["state"][name])
        self.step = content["state"]["step"]

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self._learning,
            "average": self._average,
            "optimiser": self._optimiser,
            "scaler": self._scaler,
        }


def best_precision() -> Precision:
    """Choose the precision of a GPU where there is one, else of the processor."""
    return choose_precision("auto", torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def train(
    spec: StudentSpec,
    frames: Sequence[LabelledFrame],
    checkpoint: Path,
    precision: Precision,
    clock: Clock,
    report: Callable[[DistillationProgress], None],
    stopped: Callable[[], bool],
) -> Student:
    """Train to the last step, or until stopped, from the checkpoint if there is one; it then is the state returned.

    Raises DivergedError, CheckpointError, and ConfigError for the checkpoint of another course.
    """
    student = Student(spec, precision)
    if checkpoint.exists():
        student.resume(checkpoint)
    batches = DetectionBatches(frames, spec.labels, spec.size, spec.sure, spec.seed)
    began, began_s = student.step, clock.monotonic_s()
    saved_s, running = began_s, None
    while student.step < spec.steps and not stopped():
        found = student.train_step(batches.batch(student.step))
        running = found if running is None else 0.95 * running + 0.05 * found
        now_s = clock.monotonic_s()
        left_s = (now_s - began_s) / (student.step - began) * (spec.steps - student.step)
        report(DistillationProgress(student.step, spec.steps, float(running[0]), float(running[1]), left_s))
        if now_s - saved_s >= CHECKPOINT_EVERY_S:
            student.save(checkpoint)
            saved_s = now_s
    student.save(checkpoint)
    return student
