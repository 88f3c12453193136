"""Batches of P identities with K images each, and of images without; every draw follows from seed and epoch alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import UNLABELLED
from training.encoder.seeding import RandomStream, generator


@dataclass(frozen=True, slots=True, eq=False)
class BatchPlan:
    """The batches of a training set: P identities by K images, and so many images without an identity.

    rows: for each label, (n,) numbers of its images; cameras: as many numbers of who took them; times: for each label
    how often its images are shown in an epoch; others: (n,) numbers of images without identity, as often as they are
    shown, of which a batch gets `others_images`. P is 0 where no image has an identity.
    """

    rows: Sequence[NDArray[np.int64]]
    cameras: Sequence[NDArray[np.int64]]
    times: Sequence[int]
    others: NDArray[np.int64]
    identities: int
    images: int
    others_images: int
    seed: int

    @classmethod
    def of(
        cls,
        labels: NDArray[np.int64],
        cameras: NDArray[np.str_],
        *,
        identities: int,
        images: int,
        seed: int,
        times: NDArray[np.int64] | None = None,
        others_images: int = 0,
    ) -> Self:
        """Build the plan from (N,) labels 0, 1, ... or UNLABELLED, camera names, and each image's showings in an epoch.

        Raises ConfigError where no such batch can be made.
        """
        # Step 1: image rows by identity, and those without one as often as they are shown
        groups = [np.flatnonzero(labels == label) for label in range(int(labels.max(initial=UNLABELLED)) + 1)]
        often_each = np.ones(len(labels), np.int64) if times is None else times
        others = np.flatnonzero(labels == UNLABELLED)
        others = np.repeat(others, often_each[others])
        often = [int(often_each[group[0]]) for group in groups]
        # Step 2: without identities batches are of the others alone; else refuse a set that fills none
        if len(others) and not groups:
            return cls([], [], [], others, 0, images, min(others_images, len(others)), seed)
        if len(groups) < identities:
            raise ConfigError(
                f"a batch wants {identities} identities, the training set has {len(groups)} (lower recipe.identities)"
            )
        if images > 1 and all(len(group) < 2 for group in groups):
            raise ConfigError(
                f"each of the {len(groups)} identities has a single image: nothing can be learned from pairs"
            )
        # Step 3: camera numbers beside the rows, for spreading groups over cameras
        _, numbers = np.unique(cameras, return_inverse=True)
        of_cameras = [numbers[group] for group in groups]
        return cls(groups, of_cameras, often, others, identities, images, others_images if len(others) else 0, seed)

    @property
    def size(self) -> int:
        """Images in a batch."""
        return self.identities * self.images + self.others_images

    def epoch(self, epoch: int) -> NDArray[np.int64]:
        """Row numbers (batches, P * K + others), the images of an identity side by side, those without at the end.

        Nearly every image with an identity comes about once, or `times`; without any, nearly every one of the others.
        """
        # Step 1: batches of the images with an identity, or as many empty ones as the others fill
        named = self._named(epoch) if self.rows else np.zeros((len(self.others) // self.others_images, 0), np.int64)
        if not self.others_images:
            return named
        rng = generator(self.seed, RandomStream.UNLABELLED_BATCHES, epoch)
        # Step 2: the others, pass after pass in a new order, until every batch has its share
        wanted = len(named) * self.others_images
        passes = [rng.permutation(self.others) for _ in range(-(-wanted // len(self.others)))]
        return np.hstack([named, np.concatenate(passes)[:wanted].reshape(len(named), -1)])

    def _named(self, epoch: int) -> NDArray[np.int64]:
        """Draw the batches of images with an identity, (batches, P * K).

        The images of each identity are dealt into groups of K from as many cameras as there are; a batch takes
        groups of P identities, the fuller ones more often, until fewer than P identities have one left.
        """
        rng = generator(self.seed, RandomStream.LABELLED_BATCHES, epoch)
        # Step 1: deal every identity's images into groups, as often as they are shown
        groups = [
            np.concatenate([_groups(rows, cameras, self.images, rng) for _ in range(times)])
            for rows, cameras, times in zip(self.rows, self.cameras, self.times, strict=True)
        ]
        # Step 2: fuller identities are drawn more often, so that few groups are left over at the end
        left = np.array([len(group) for group in groups], np.float64)
        batches = []
        while np.count_nonzero(left) >= self.identities:
            chosen = rng.choice(len(groups), self.identities, replace=False, p=left / left.sum())
            left[chosen] -= 1
            batches.append(np.concatenate([groups[label][int(left[label])] for label in chosen]))
        return np.stack(batches)


def _groups(
    rows: NDArray[np.int64], cameras: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal the images of one identity into (groups, size), its cameras spread; the last is filled up by drawing."""
    # Step 1: a random order in which every camera's images are spread evenly
    order = rng.permutation(len(rows))
    place = np.empty(len(rows))
    for camera in np.unique(cameras):
        mine = order[cameras[order] == camera]
        # Spread evenly over all groups, so that few are of one camera only; the permutation settles ties.
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    ordered = rows[order[np.argsort(place[order], kind="stable")]]
    # Step 2: fill up the last group from the same identity
    missing = -len(ordered) % size
    spare = rng.choice(ordered, missing, replace=missing > len(ordered))
    return np.concatenate([ordered, spare]).reshape(-1, size)
