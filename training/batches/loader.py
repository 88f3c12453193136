"""Files to batches; every draw of a worker follows from seed, epoch and place, so the number of workers is free."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from embed.network.settings import NetworkSettings
from training.batches.augment import PriorSource, training_view
from training.batches.sampler import BatchPlan
from training.datasets.base import UNLABELLED, ImageSet
from training.datasets.images import read_image
from training.encoder.recipe import Recipe
from training.encoder.seeding import RandomStream, generator

MOST_WORKERS = 8

SampleKey = tuple[int, int, int]
"""Epoch, place in it, row of the image."""
View = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Pixels and prior of one look at an image, as `training_view` makes them."""
Sample = tuple[list[View], int, NDArray[np.float32] | None]
"""Looks at an image, its label, and its teacher's vector."""
LOOKS = (RandomStream.AUGMENTATION, RandomStream.SECOND_LOOK)
"""Streams of random numbers of an image's looks."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """images (B, 3, H, W) float32 laid out channels last, priors (B, 2, H/4, W/4) or None, labels (B,) int64.

    targets: (B, D) a teacher's vector of each image, NaN where it has none; None without a teacher. crops: (B,) int64
    which file each shows: two looks of one have the same number. Images with a label stand before those without.
    """

    images: Tensor
    priors: Tensor | None
    labels: Tensor
    targets: Tensor | None
    crops: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Copy the batch to the network's device; the host does not wait for the copy."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """Pin the batch's memory; called by the loader where a GPU is fed."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        priors = None if self.priors is None else change(self.priors)
        targets = None if self.targets is None else change(self.targets)
        return Batch(change(self.images), priors, change(self.labels), targets, change(self.crops))


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet(Dataset[Sample]):
    """The images of a training set, augmented by the recipe; `targets` (N, D) by the row, as in a batch."""

    images: ImageSet
    labels: NDArray[np.int64]
    prior_of: PriorSource | None
    network: NetworkSettings
    recipe: Recipe
    seed: int
    targets: NDArray[np.float32] | None = None

    def __getitem__(self, key: SampleKey) -> Sample:
        epoch, place, row = key
        image = read_image(self.images.path(row))
        prior = None if self.prior_of is None else self.prior_of(row)
        size_hw = (self.network.height, self.network.width)
        looks = [
            training_view(image, prior, size_hw, self.recipe, generator(self.seed, stream, epoch, place))
            for stream in LOOKS[: self.recipe.shown]
        ]
        return looks, int(self.labels[row]), None if self.targets is None else self.targets[row]


@dataclass(frozen=True, slots=True, eq=False)
class BatchSampler:
    """The batch sampler: all batches from a place in the training on, one process's share of each."""

    plan: BatchPlan
    epochs: range
    first_step: int
    rank: int = 0
    processes: int = 1

    def __iter__(self) -> Iterator[list[SampleKey]]:
        for epoch in self.epochs:
            rows = self.plan.epoch(epoch)
            places = np.arange(rows.size).reshape(rows.shape)
            own = self._own_columns()
            first = self.first_step if epoch == self.epochs.start else 0
            for step in range(first, len(rows)):
                chosen, where = rows[step][own].tolist(), places[step][own].tolist()
                yield [(epoch, place, row) for place, row in zip(where, chosen, strict=True)]

    def _own_columns(self) -> NDArray[np.int64]:
        """Columns of a batch that this process takes: whole identities first, then images without."""
        plan = self.plan
        named = np.arange(plan.identities * plan.images).reshape(plan.identities, plan.images)
        others = np.arange(named.size, plan.size)
        return np.concatenate([each[self.rank :: self.processes].ravel() for each in (named, others)])


def collate(items: Sequence[Sample]) -> Batch:
    """Stack the looks of all images to one batch: those with a label, look by look, before those without."""
    # Step 1: the order, in which an image's looks stand as far apart as there are images of its sort
    ordered = [
        (number, look)
        for named in (True, False)
        for look in range(len(items[0][0]))
        for number, (_, label, _) in enumerate(items)
        if (label != UNLABELLED) == named
    ]
    # Step 2: columns in that order
    pixels, priors = zip(*(items[number][0][look] for number, look in ordered), strict=True)
    labels, targets = zip(*(items[number][1:] for number, _ in ordered), strict=True)
    teacher_targets = None if targets[0] is None else torch.from_numpy(np.stack(targets))
    view_prior = None if priors[0] is None else _channels_first(priors)
    crops = torch.tensor([number for number, _ in ordered])
    return Batch(_channels_first(pixels), view_prior, torch.tensor(labels), teacher_targets, crops)


def _channels_first(arrays: Sequence[Any]) -> Tensor:
    """Stack to (B, C, H, W), in memory still with the channels last."""
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def batches(dataset: TrainingSet, sampler: BatchSampler, device: torch.device) -> Iterator[Batch]:
    """Batches in the order of the keys; on a GPU by several processes, on a CPU, which is busy anyway, by this one."""
    feeding = device.type == "cuda"
    workers = min(MOST_WORKERS, os.cpu_count() or 1) if feeding else 0
    loader = DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=feeding,
        worker_init_fn=_start_worker,
        generator=torch.Generator(),  # torch's own would be moved on by every start
    )
    return iter(loader)


def _start_worker(_number: int) -> None:
    """Ignore Ctrl-C in a worker: it is for the training process, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
