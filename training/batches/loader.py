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
from training.datasets.base import ImageSet
from training.datasets.images import read_image
from training.encoder.recipe import Recipe
from training.encoder.seeding import RandomStream, generator

MOST_WORKERS = 8

SampleKey = tuple[int, int, int]
"""Epoch, place in it, row of the image."""
Sample = tuple[NDArray[np.float32], NDArray[np.float32] | None, int, NDArray[np.float32] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """images (B, 3, H, W) float32 laid out channels last, priors (B, 2, H/4, W/4) or None, labels (B,) int64.

    targets: (B, D) a teacher's vector of each image, NaN where it has none; None without a teacher.
    """

    images: Tensor
    priors: Tensor | None
    labels: Tensor
    targets: Tensor | None

    def to(self, device: torch.device) -> "Batch":
        """Copy the batch to the network's device; the host does not wait for the copy."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """Pin the batch's memory; called by the loader where a GPU is fed."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        priors = None if self.priors is None else change(self.priors)
        targets = None if self.targets is None else change(self.targets)
        return Batch(change(self.images), priors, change(self.labels), targets)


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
        rng = generator(self.seed, RandomStream.AUGMENTATION, epoch, place)
        image = read_image(self.images.path(row))
        prior = None if self.prior_of is None else self.prior_of(row)
        size_hw = (self.network.height, self.network.width)
        pixels, view_prior = training_view(image, prior, size_hw, self.recipe, rng)
        return pixels, view_prior, int(self.labels[row]), None if self.targets is None else self.targets[row]


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
    """Stack the arrays of single images to one batch."""
    pixels, priors, labels, targets = zip(*items, strict=True)
    teacher_targets = None if targets[0] is None else torch.from_numpy(np.stack(targets))
    view_prior = None if priors[0] is None else _channels_first(priors)
    return Batch(_channels_first(pixels), view_prior, torch.tensor(labels), teacher_targets)


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
