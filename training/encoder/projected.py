"""An export with a projection: vectors of data sets in several looks, the projection through them, and both files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch

from detect.masks import GrabCutMasker
from embed.exported import ExportedEncoder
from embed.network.gpu import load_weights_beside
from embed.runtime import RuntimeEncoder
from ingest.errors import ConfigError
from ingest.frame import Image
from training.batches.looks import random_look
from training.datasets.base import UNKNOWN_IDENTITY, ImageSet, need_images
from training.datasets.registry import open_dataset
from training.encoder.export import ExportedFiles, write_export
from training.encoder.projection import GroupedVectors, fit_projection
from training.evaluation.exported_vectors import vectors_of

MOST_VECTORS = 6000
"""Vectors of a source, those of looks among them; crops are drawn if there are more."""

FEW = 3
"""Crops a vehicle, in the mean, below which looks say more of what changes than the vehicle's own crops."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Altered looks of a crop beside itself, where its vehicle has few others, and the seed of crops and looks."""

    looks: int
    seed: int


def grouped_vectors(
    encoder_file: Path, dataset: str, sampling: Sampling, on_progress: Callable[[int, int], None]
) -> tuple[GroupedVectors, int]:
    """Vectors of a data set's training images, and how many crops they are of.

    Crops without identities, and those of sets with hardly more than two a vehicle, are also seen in altered looks; by
    several cameras' crops a vehicle is altered enough. `on_progress` gets how many crops are done, of how many. Raises
    ConfigError for a set without training images.
    """
    data = open_dataset(dataset)
    images = need_images(data.train, f"the training set of {dataset}")
    known = len(images) >= FEW * len(np.unique(images.identities)) and not (images.identities == UNKNOWN_IDENTITY).any()
    looks = 0 if known else sampling.looks
    images = _drawn(images, MOST_VECTORS // (1 + looks), np.random.default_rng(sampling.seed))
    rng = np.random.default_rng((sampling.seed, 1))

    def looks_of(image: Image) -> list[Image]:
        return [image, *(random_look(image, rng) for _ in range(looks))]

    vectors = vectors_of(
        images,
        RuntimeEncoder(encoder_file),
        GrabCutMasker(),
        lambda done: on_progress(done, len(images)),
        looks_of,
    )
    unknown = images.identities == UNKNOWN_IDENTITY
    groups = np.where(unknown, np.char.add("image ", images.names), np.char.add("vehicle ", images.identities))
    return GroupedVectors(data.name, vectors, np.repeat(groups, 1 + looks)), len(images)


def _drawn(images: ImageSet, most: int, rng: np.random.Generator) -> ImageSet:
    if len(images) <= most:
        return images
    return images.select(np.sort(rng.choice(len(images), most, replace=False)))


def write_projected(
    encoder_file: Path, out: Path, sources: Sequence[GroupedVectors], *, dim: int, ridge: float
) -> ExportedFiles:
    """Fit the projection, and write the export with it; raises ConfigError, WeightsError, CheckpointError."""
    exported = ExportedEncoder.open(encoder_file)
    if exported.metadata.model.projection is not None:
        raise ConfigError(f"{encoder_file} has a projection already (give the export that it was made from)")
    model = load_weights_beside(exported)
    projection = fit_projection(sources, dim, ridge)
    layer = model.network.project_to(dim)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(projection.weight))
        layer.bias.copy_(torch.from_numpy(projection.bias))
    metadata = msgspec.structs.replace(
        exported.metadata,
        model=msgspec.structs.replace(exported.metadata.model, projection=dim),
        dim=dim,
        projection=f"{exported.id}, ridge {ridge:g}, of {', '.join(each.source for each in sources)}",
        calibration=None,
    )
    return write_export(model.network, metadata, out)
