"""The data sets that an encoder learns from or is measured on, with what was found in their images before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError, error_context
from training.encoder.config import DataSettings

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from training.batches.augment import PriorSource
    from training.datasets.base import ImageSet, ReidData
    from training.priors.cache import PriorCache, PriorMode
    from training.teacher.vectors import TeacherVectors

SHUFFLE_SEED = 0
"""Seed of the rows of shuffled priors: it decides whose prior an image gets."""

Notify = Callable[[str], None]
Size = tuple[int, int]
"""Height and width in pixels."""


def need_torch() -> None:
    """Raise ConfigError where a library of the extra `train` is not installed, which only training needs."""
    for name, module in {
        "PyTorch": "torch",
        "ONNX": "onnx",
        "safetensors": "safetensors",
        "TensorBoard": "tensorboard",
    }.items():
        if find_spec(module) is None:
            raise ConfigError(f"training needs {name}, which is not installed (pip install 'corridor[train]')")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSet:
    """A data set without its unreadable images; `label` names it in tables, with the fingerprint of all its files."""

    data: "ReidData"
    label: str
    priors: "PriorCache | None"
    teacher_vectors: "TeacherVectors | None"
    times: int = 1


def prepare_set(settings: DataSettings) -> PreparedSet:
    """Open a data set, without images that cannot be read, and warn of what is odd in it.

    Raises ConfigError where its priors or its teacher's features are of other files.
    """
    from training.datasets.names import shown
    from training.datasets.registry import decided, list_dataset
    from training.priors.cache import PriorCache
    from training.teacher.vectors import load_teacher_vectors

    listing = list_dataset(settings.set)
    cache = None if settings.priors is None else PriorCache.open(Path(settings.priors))
    teacher_vectors = None if settings.teacher is None else load_teacher_vectors(Path(settings.teacher))
    for given, found in ((settings.priors, cache), (settings.teacher, teacher_vectors)):
        if found is not None:
            with error_context(f"{given} for {settings.set}"):
                found.check(listing)
    label = f"{listing.name} {shown(listing.root.resolve().name)} ({listing.fingerprint()})"
    return PreparedSet(decided(listing), label, cache, teacher_vectors, settings.times)


def prior_source(
    prepared: PreparedSet, images: "ImageSet", prior_mode: "PriorMode", size_hw: Size
) -> "PriorSource | None":
    """The priors of some images of a data set for a row of a table, or None where it has none."""
    from training.priors.cache import prior_source

    if prepared.priors is None:
        return None
    return prior_source(prepared.priors, images, prior_mode, size_hw[::-1], np.random.default_rng(SHUFFLE_SEED))


def united_priors(sets: Sequence[PreparedSet], size_hw: Size) -> "PriorSource | None":
    """The priors of the training images of all sets, one after another; everything is vehicle in a set without."""
    from embed.priors import rasterise

    if all(each.priors is None for each in sets):
        return None
    sources = [prior_source(each, each.data.train, "with-prior", size_hw) for each in sets]
    ends = np.cumsum([len(each.data.train) for each in sets])

    def of(row: int) -> NDArray[np.float32]:
        number = int(np.searchsorted(ends, row, side="right"))
        source = sources[number]
        if source is None:
            return rasterise(None, size_hw[::-1])
        return np.asarray(source(row - (int(ends[number - 1]) if number else 0)), np.float32)

    return of


def united_targets(sets: Sequence[PreparedSet]) -> NDArray[np.float32] | None:
    """Teacher's vectors (N, D) of the training images of all sets, NaN for sets without; None without any.

    Of norm 1 after the mean of their set is taken off, which would else be most of what there is to learn, and would
    teach one source from another.
    """
    taught = [None if each.teacher_vectors is None else each.teacher_vectors.of(each.data.train) for each in sets]
    widths = {each.shape[1] for each in taught if each is not None}
    if not widths:
        return None
    if len(widths) > 1:
        raise ConfigError(f"data: the teachers' vectors have {' and '.join(map(str, sorted(widths)))} numbers")
    (width,) = widths
    own = np.concatenate(
        [
            np.full((len(each.data.train), width), np.nan) if vectors is None else vectors - vectors.mean(axis=0)
            for each, vectors in zip(sets, taught, strict=True)
        ]
    )
    return np.asarray(own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6), np.float32)
