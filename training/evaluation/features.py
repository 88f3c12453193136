"""The vectors that a network gives to the images of a data set."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from embed.network.network import ReidNetwork
from training.batches.augment import PriorSource, test_view
from training.datasets.base import ImageSet
from training.datasets.images import read_image
from training.encoder.precision import Precision

BATCH = 64


def extract(
    network: ReidNetwork,
    images: ImageSet,
    size_hw: tuple[int, int],
    precision: Precision,
    prior_of: PriorSource | None = None,
    on_progress: Callable[[int], None] = lambda images: None,
) -> NDArray[np.float32]:
    """(N, dim) float32 of norm 1 by a network in evaluation mode; `on_progress` hears how many images have been done.

    Raises SourceError for an image that cannot be read.
    """
    vectors = np.zeros((len(images), network.dim), np.float32)
    for start in range(0, len(images), BATCH):
        rows = range(start, min(start + BATCH, len(images)))
        views = [test_view(read_image(images.path(row)), prior_of and prior_of(row), size_hw) for row in rows]
        pixels = _to_device([view[0] for view in views], precision.device)
        priors = None if prior_of is None else _to_device([view[1] for view in views], precision.device)
        with torch.no_grad(), precision.context():
            vectors[rows.start : rows.stop] = network(pixels, priors).float().cpu().numpy()
        on_progress(rows.stop)
    return vectors


def _to_device(arrays: list[NDArray[np.float32] | None], device: torch.device) -> torch.Tensor:
    """(B, C, H, W), channels last in memory."""
    stacked = np.stack([array for array in arrays if array is not None])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).to(device)
