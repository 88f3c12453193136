"""A toy training of a few seconds; as a program, FOLDER OUT, one that a test can kill or spread."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from embed.network.settings import NetworkSettings
from ingest.clock import SystemClock
from tests.training.toy_vehicles import draw_vehicles
from training.batches.augment import PriorSource
from training.datasets.base import IdentityMap, fingerprint
from training.encoder.checkpoint import Origin
from training.encoder.distributed import DistributedContext, distributed_context
from training.encoder.journal import TrainingProgress
from training.encoder.loop import TrainingCallbacks, train
from training.encoder.precision import Precision
from training.encoder.recipe import MODERN
from training.encoder.trainer import Trainer, TrainingSpec

CONTEXT = DistributedContext(0, 1, torch.device("cpu"))
EXACT = Precision(torch.device("cpu"), None, "test")


def prior_of(row: int) -> NDArray[np.uint8]:
    """A box that depends on the image, and a smaller mask in it."""
    prior = np.zeros((2, 16, 16), np.uint8)
    prior[0, 2:14, row % 4 : 12] = 1
    prior[1, 4:12, 4:10] = 1
    return prior


def make_job(
    folder: Path,
    out: Path,
    *,
    vehicles: int = 4,
    pictures: int = 4,
    network: str = "grl",
    priors: PriorSource | None = prior_of,
    start: Path | None = None,
    **recipe: Any,
) -> TrainingSpec:
    """A toy set drawn into `folder`, and its training into `out`, with a checkpoint after every step."""
    images = draw_vehicles(folder, identities=vehicles, images=pictures)
    values = {
        "epochs": 4,
        "identities": 4,
        "images": 2,
        "warm_up_epochs": 1,
        "ema_decay": 0.9,
        "clip_norm": 50.0,
        **recipe,
    }
    origin = Origin(
        model=msgspec.convert({"name": network, "height": 32, "width": 32}, NetworkSettings),
        recipe=msgspec.structs.replace(MODERN, pad_px=4, **values),
        seed=3,
        data=str(fingerprint(images)),
        identities=IdentityMap.of(images).identities,
    )
    return TrainingSpec(images, priors, origin, out, checkpoint_every_s=0.0, validate_every=1, start=start)


def run(
    spec: TrainingSpec, *, resume: bool = False, context: DistributedContext = CONTEXT, **callbacks: Any
) -> Trainer:
    """Train it on one thread, so that every sum has one order."""
    torch.set_num_threads(1)
    return train(spec, context, EXACT, TrainingCallbacks(SystemClock(), **callbacks), resume=resume)


def main() -> None:
    def report(progress: TrainingProgress) -> None:
        sys.stdout.write(f"{progress.epoch} {progress.step}\n")
        sys.stdout.flush()

    with distributed_context() as context:
        trainer = run(make_job(Path(sys.argv[1]), Path(sys.argv[2])), context=context, report=report)
        weights = torch.cat([each.detach().flatten() for each in trainer.objective.parameters()])
        banks = trainer.objective.get_buffer("align.local_bank")
        sys.stdout.write(f"process {context.rank}: {weights.double().sum().item()} {banks.double().sum().item()}\n")


if __name__ == "__main__":
    main()
