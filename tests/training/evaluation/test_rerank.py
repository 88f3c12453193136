"""Re-ranking on sparse neighbours against matrices over all pairs, written after the paper."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluation import rerank
from training.evaluation.rerank import ReRanking, reranked, without_camera_bias


def dense(query: NDArray[np.float64], gallery: NDArray[np.float64], how: ReRanking) -> NDArray[np.float64]:
    """(Q, G) distances of k-reciprocal encoding (Zhong et al. 2017, section 3), every matrix whole."""
    vectors = np.concatenate([query, gallery])
    total = len(vectors)
    distances = np.array([[((one - other) ** 2).sum() for other in vectors] for one in vectors])
    distances = distances / distances.max(axis=1, keepdims=True)
    order = [sorted(range(total), key=lambda other, row=row: distances[row, other]) for row in range(total)]  # type: ignore[misc]

    def reciprocal(one: int, k: int) -> set[int]:
        return {other for other in order[one][: k + 1] if one in order[other][: k + 1]}

    encoded = np.zeros((total, total))
    for one in range(total):
        own = reciprocal(one, how.k1)
        expanded = set(own)
        for other in own:
            theirs = reciprocal(other, round(how.k1 / 2))
            if len(theirs & own) > 2 / 3 * len(theirs):
                expanded |= theirs
        for other in expanded:
            encoded[one, other] = np.exp(-distances[one, other])
        encoded[one] /= encoded[one].sum()
    encoded = np.array([encoded[order[one][: how.k2]].mean(axis=0) for one in range(total)])
    least = np.minimum(encoded[: len(query), None], encoded[None, len(query) :]).sum(axis=2)
    most = np.maximum(encoded[: len(query), None], encoded[None, len(query) :]).sum(axis=2)
    final = how.weight * distances[: len(query), len(query) :] + (1 - how.weight) * (1 - least / most)
    return np.asarray(final, np.float64)


def clusters(seed: int, queries: int, gallery: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 12))
    vectors = centres[rng.integers(6, size=queries + gallery)] + 0.7 * rng.normal(size=(queries + gallery, 12))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[:queries].astype(np.float32), vectors[queries:].astype(np.float32)


@pytest.mark.parametrize(
    ("seed", "queries", "gallery", "how"),
    [
        (1, 8, 40, ReRanking(k1=10, k2=4)),
        (2, 5, 30, ReRanking(k1=7, k2=1, weight=0.5)),
        (3, 12, 25, ReRanking(k1=5, k2=6, weight=0.0)),
        (4, 1, 60, ReRanking()),
        (5, 3, 9, ReRanking(k1=20, k2=6)),  # more neighbours than images
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 2**27])
def test_sparse_equals_dense(
    monkeypatch: pytest.MonkeyPatch, seed: int, queries: int, gallery: int, how: ReRanking, chunk_bytes: int
) -> None:
    monkeypatch.setattr(rerank, "CHUNK_BYTES", chunk_bytes)
    query, found = clusters(seed, queries, gallery)
    expected = dense(query.astype(np.float64), found.astype(np.float64), how)
    alike = reranked(query, found, how)
    assert -alike(slice(0, queries)) == pytest.approx(expected, abs=2e-5)
    assert alike(slice(2, 3)) == pytest.approx(alike(slice(0, queries))[2:3], abs=1e-6)


def test_the_mean_of_every_camera_goes() -> None:
    query, gallery = clusters(1, 9, 30)
    cameras = np.array([f"c{number % 3}" for number in range(39)])
    biased = np.concatenate([query, gallery]) + np.array([[5.0], [-2.0], [0.0]], np.float32)[np.arange(39) % 3]
    left, right = without_camera_bias(biased[:9], cameras[:9], biased[9:], cameras[9:])
    plain_left, plain_right = without_camera_bias(query, cameras[:9], gallery, cameras[9:])
    assert np.concatenate([left, right]) == pytest.approx(np.concatenate([plain_left, plain_right]), abs=1e-5)
    assert np.linalg.norm(left, axis=1) == pytest.approx(np.ones(9))
