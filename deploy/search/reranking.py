"""Re-ranking of candidates by their k-reciprocal neighbours: who is near to whom both ways."""

import numpy as np
from numpy.typing import NDArray

from training.evaluation.rerank import ReRanking
from training.evaluation.rerank import reranked as by_neighbours

Vectors = NDArray[np.float32]


def reranked(query: Vectors, vectors: Vectors, similarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarities (N,) in the order that k-reciprocal re-ranking gives to candidates (N, D).

    query: (K, D) looks of one vehicle, of which the mean is asked. The values stay those of the candidates, so that
    they mean what they meant: the first in the new order has the largest.
    """
    mean = query.mean(0, keepdims=True)
    alike = by_neighbours(np.asarray(mean / np.linalg.norm(mean), np.float32), vectors, ReRanking())
    order = np.argsort(-alike(slice(0, 1))[0], kind="stable")
    moved = np.empty_like(similarity)
    moved[order] = np.sort(similarity)[::-1]
    return moved
