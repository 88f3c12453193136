"""Softmax regression from vectors to types, and what it is worth on the sources left out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embed.vehicle_types import VEHICLE_TYPES, TypeHead

DECAY = 1e-3
"""Weight of half the squared weights in the loss, whose vectors have norm 1."""
STEPS = 300

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TypedVectors:
    """Vectors (N, D) float32 of a source's crops, their types (N,) as places in VEHICLE_TYPES, vehicles and views."""

    vectors: NDArray[np.float32]
    types: Ints
    vehicles: NDArray[np.str_]
    views: NDArray[np.str_]


def example_weights(sources: Mapping[str, TypedVectors]) -> Floats:
    """Weights (N,) of all sources' crops, of mean 1: the types weigh the same, and within a type its sources."""
    types = np.concatenate([it.types for it in sources.values()])
    of_source = np.repeat(np.arange(len(sources)), [len(it.types) for it in sources.values()])
    counts = np.zeros((len(sources), len(VEHICLE_TYPES)))
    np.add.at(counts, (of_source, types), 1)
    # A source with three buses is not to weigh as much as one with three hundred.
    shares = np.sqrt(counts)
    shares /= np.maximum(shares.sum(axis=0), 1)
    weights = (shares / np.maximum(counts, 1))[of_source, types]
    return np.asarray(weights / weights.mean(), np.float64)


def fit(sources: Mapping[str, TypedVectors], encoder: str, *, decay: float = DECAY) -> TypeHead:
    """Fit a head by Nesterov's gradient descent from zero, which needs no seed (Nesterov 1983).

    The loss is convex, with a gradient of Lipschitz constant 1/2 + decay for vectors of norm 1.
    """
    vectors = np.concatenate([it.vectors for it in sources.values()]).astype(np.float64)
    vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
    types = np.concatenate([it.types for it in sources.values()])
    share = example_weights(sources)[:, None] / len(types)
    true = np.eye(len(VEHICLE_TYPES))[types]
    weights = np.zeros((len(VEHICLE_TYPES), vectors.shape[1]))
    ahead, step = weights, 1.0 / (1.0 + decay)
    for number in range(STEPS):
        raised = vectors @ ahead.T
        found = np.exp(raised - raised.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
        gradient = (share * (found - true)).T @ vectors + decay * ahead
        before, weights = weights, ahead - step * gradient
        ahead = weights + number / (number + 3) * (weights - before)
    return TypeHead(encoder, weights[:, :-1].astype(np.float32), weights[:, -1].astype(np.float32))


def confusion(head: TypeHead, of: TypedVectors) -> Ints:
    """(T, T) crops by true type and by the most probable one."""
    counts = np.zeros((len(VEHICLE_TYPES), len(VEHICLE_TYPES)), np.int64)
    np.add.at(counts, (of.types, head.probabilities(of.vectors).argmax(axis=1)), 1)
    return counts


def without(left_out: str, sources: Mapping[str, TypedVectors]) -> dict[str, TypedVectors]:
    """All sources but one."""
    return {name: it for name, it in sources.items() if name != left_out}
