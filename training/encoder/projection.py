"""Projection of an encoder's vectors that gives little weight to what changes within one vehicle, from look to look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GroupedVectors:
    """Vectors (N, D) of one source, and (N,) by name what each shows: a vehicle, or a crop in several looks."""

    source: str
    vectors: NDArray[np.floating]
    groups: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """An affine projection: `weight` (dim, D) and `bias` (dim,)."""

    weight: Floats
    bias: Floats

    def __call__(self, vectors: NDArray[np.floating]) -> Floats:
        """Project vectors (N, D), and divide by their length."""
        moved = vectors @ self.weight.T + self.bias
        return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12), np.float64)


def fit_projection(sources: Sequence[GroupedVectors], dim: int, ridge: float) -> Projection:
    """Whiten what differs within groups, and keep the `dim` directions in which groups differ most after that.

    Within-class covariance normalisation (Hatch et al., Interspeech 2006), then principal components of the groups'
    means; every source weighs the same. `ridge` of the mean variance is added to all directions. Raises ConfigError
    for a source without two vectors of one group, and for more numbers than vectors have.
    """
    width = sources[0].vectors.shape[1]
    if dim > width:
        raise ConfigError(f"{dim} numbers cannot be made of {width} (lower --dim)")
    # Step 1: scatter within groups, and of their means, of each source
    parts = [_scatters(each) for each in sources]
    within, between = (np.mean([part[place] for part in parts], axis=0) for place in (0, 1))
    centre = np.mean([each.vectors.mean(axis=0) for each in sources], axis=0)
    # Step 2: whiten what is within
    spreads, directions = np.linalg.eigh(within + ridge * np.trace(within) / width * np.eye(width))
    whitening = (directions / np.sqrt(spreads)) @ directions.T
    # Step 3: the directions in which groups differ most
    _, differing = np.linalg.eigh(whitening @ between @ whitening)
    weight = differing[:, ::-1][:, :dim].T @ whitening
    # Of a size that float16 holds well; the length of a vector says nothing.
    weight = weight / np.abs(weight).max()
    return Projection(weight, -weight @ centre)


def _scatters(source: GroupedVectors) -> tuple[Floats, Floats]:
    """Covariance (D, D) within groups, and of the groups' means."""
    _, group = np.unique(source.groups, return_inverse=True)
    counts = np.bincount(group)
    if len(source.vectors) == len(counts):
        raise ConfigError(f"{source.source}: nothing in it is shown twice, so nothing can be learned of what changes")
    means = np.zeros((len(counts), source.vectors.shape[1]))
    np.add.at(means, group, source.vectors)
    means /= counts[:, None]
    rest = source.vectors - means[group]
    return rest.T @ rest / (len(rest) - len(counts)), np.cov(means.T)
