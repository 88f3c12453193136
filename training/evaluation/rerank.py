"""Post-processing of vectors and ranks after encoding, each in a column of its own.

Both learn from the images that are searched: how they lie to each other, and what the cameras have in common.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ReRanking:
    """k-reciprocal re-ranking (Zhong et al., CVPR 2017), with the values of its authors.

    `k1`: neighbours that must name each other; `k2`: neighbours whose encodings are averaged; `weight` of the
    original distance beside the Jaccard distance (their lambda).
    """

    k1: int = 20
    k2: int = 6
    weight: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """Rows of few entries: `values[starts[i]:starts[i + 1]]` at columns `columns[...]`."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, rows: list[tuple[NDArray[np.int32], NDArray[np.float32]]]) -> "Sparse":
        """Build from columns and values of every row."""
        starts = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])]).astype(np.int64)
        columns = np.concatenate([columns for columns, _ in rows]).astype(np.int32)
        return cls(starts, columns, np.concatenate([values for _, values in rows]).astype(np.float32))

    def row(self, index: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Columns and values of a row."""
        span = slice(self.starts[index], self.starts[index + 1])
        return self.columns[span], self.values[span]

    def transposed(self, first_row: int, columns: int) -> "Sparse":
        """Transpose the rows from `first_row` on: by column the rows, counted from there, that have an entry in it."""
        start = self.starts[first_row]
        rows = np.repeat(np.arange(len(self.starts) - 1 - first_row, dtype=np.int32), np.diff(self.starts[first_row:]))
        order = np.argsort(self.columns[start:], kind="stable")
        counts = np.bincount(self.columns[start:], minlength=columns)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Sparse(starts, rows[order], self.values[start:][order])


def without_camera_bias(
    query: NDArray[np.float32],
    query_cameras: NDArray[np.str_],
    gallery: NDArray[np.float32],
    gallery_cameras: NDArray[np.str_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Query and gallery vectors with the mean of their camera taken away, normalised again.

    The mean of a camera is that of its images in both.
    """
    vectors = np.concatenate([query, gallery])
    _, camera = np.unique(np.concatenate([query_cameras, gallery_cameras]), return_inverse=True)
    means = np.zeros((camera.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(means, camera, vectors)
    means /= np.bincount(camera)[:, None]
    vectors = vectors - means[camera]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors[: len(query)], vectors[len(query) :]


def reranked(
    query: NDArray[np.float32], gallery: NDArray[np.float32], how: ReRanking
) -> Callable[[slice], NDArray[np.float32]]:
    """Re-rank the gallery: a function from a slice of queries to similarities (n, G), larger is more alike.

    Query (Q, D) and gallery (G, D) are normalised. Takes memory of O((Q + G) k1), however large Q times G is.
    """
    vectors = np.concatenate([query, gallery])
    # Step 1: k1 nearest of queries and gallery together
    near, farthest = _neighbours(vectors, how.k1 + 1)
    # Step 2: k-reciprocal encoding of every image, as weights
    encoded = _encode(vectors, near, farthest, how.k1)
    # Step 3: local query expansion over the k2 nearest
    encoded = _averaged(encoded, near[:, : how.k2])
    # Step 4: inverted index, so that a query visits only the gallery images it shares neighbours with
    by_column = encoded.transposed(len(query), len(vectors))

    def alike(rows: slice) -> NDArray[np.float32]:
        # Step 5: original distance, weighted with the Jaccard distance
        original = _distances(query[rows], gallery) / farthest[: len(query)][rows, None]
        for place, index in enumerate(range(*rows.indices(len(query)))):
            shared = _shared(encoded.row(index), by_column, len(gallery))
            jaccard = 1 - shared / (2 - shared)
            original[place] = how.weight * original[place] + (1 - how.weight) * jaccard
        return -original

    return alike


def _distances(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared Euclidean distances (N, M) of normalised vectors."""
    distances = np.asarray(left @ right.T, np.float32)
    distances *= -2
    distances += 2
    return np.maximum(distances, 0, out=distances)


def _neighbours(vectors: NDArray[np.float32], count: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest vectors of every vector (N, count), nearest first, itself included, and its largest distance (N,)."""
    total = len(vectors)
    count = min(count, total)
    near, farthest = np.empty((total, count), np.int32), np.empty(total, np.float32)
    chunk = max(1, CHUNK_BYTES // (12 * total))
    for start in range(0, total, chunk):
        distances = _distances(vectors[start : start + chunk], vectors)
        distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = 0
        farthest[start : start + chunk] = distances.max(axis=1)
        nearest = np.sort(np.argpartition(distances, count - 1, axis=1)[:, :count], axis=1)
        order = np.argsort(np.take_along_axis(distances, nearest, 1), axis=1, kind="stable")
        near[start : start + chunk] = np.take_along_axis(nearest, order, 1)
    return near, np.maximum(farthest, np.float32(1e-12))


def _reciprocal(near: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Mutual neighbours (N, k): True where a neighbour of an image has it among its own."""
    mutual = np.empty(near.shape, np.bool_)
    chunk = max(1, CHUNK_BYTES // (8 * near.shape[1] ** 2))
    for start in range(0, len(near), chunk):
        rows = np.arange(start, min(start + chunk, len(near)))
        mutual[rows] = (near[near[rows]] == rows[:, None, None]).any(axis=2)
    return mutual


def _encode(vectors: NDArray[np.float32], near: NDArray[np.int32], farthest: NDArray[np.float32], k1: int) -> Sparse:
    """Encode every image as weights of its k-reciprocal neighbours, and of theirs where they agree."""
    half = near[:, : round(k1 / 2) + 1]
    mutual, mutual_half = _reciprocal(near), _reciprocal(half)
    rows = []
    for index in range(len(near)):
        # Step 1: neighbours that have this image among theirs, too
        own = near[index, mutual[index]]
        # Step 2: their own, from half as many, where more than two thirds are ours as well
        theirs, named = half[own], mutual_half[own]
        agreeing = (np.isin(theirs, own) & named).sum(axis=1) > 2 / 3 * named.sum(axis=1)
        columns = np.unique(np.concatenate([own, theirs[agreeing][named[agreeing]]]))
        # Step 3: weights that fall with the distance and sum up to 1
        distances = _distances(vectors[index : index + 1], vectors[columns])[0]
        distances[columns == index] = 0
        weights = np.exp(-distances / farthest[index])
        rows.append((columns, weights / weights.sum()))
    return Sparse.of(rows)


def _averaged(encoded: Sparse, near: NDArray[np.int32]) -> Sparse:
    """Average every row over the rows of its nearest images (local query expansion)."""
    if near.shape[1] == 1:
        return encoded
    rows = []
    for nearest in near:
        parts = [encoded.row(index) for index in nearest]
        columns, place = np.unique(np.concatenate([columns for columns, _ in parts]), return_inverse=True)
        values = np.bincount(place, np.concatenate([values for _, values in parts])) / len(nearest)
        rows.append((columns, values.astype(np.float32)))
    return Sparse.of(rows)


def _shared(row: tuple[NDArray[np.int32], NDArray[np.float32]], by_column: Sparse, count: int) -> NDArray[np.float64]:
    """Overlap (count,) of a row's weights with those of every gallery image: the sum of the smaller ones."""
    columns, values = row
    parts = [by_column.row(column) for column in columns]
    images = np.concatenate([images for images, _ in parts])
    least = np.minimum(np.concatenate([others for _, others in parts]), np.repeat(values, [len(i) for i, _ in parts]))
    return np.asarray(np.bincount(images, least, minlength=count), np.float64)
