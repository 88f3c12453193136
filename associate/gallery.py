"""The vectors of the identities that can still be met, and the search for the nearest."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError

Vector = NDArray[np.float32]
"""Vector (D,) float32 of L2 norm 1."""


class Gallery(Protocol):
    """One vector a key; one with NaN or infinities is refused with ValueError, it would be next to everything.

    `nearest` returns, for (M, D) queries, up to `count` (key, cosine) pairs each, nearest first, equal ones by key.
    """

    def __len__(self) -> int: ...

    def put(self, key: str, vector: Vector) -> None: ...

    def drop(self, key: str) -> None: ...

    def nearest(self, queries: NDArray[np.float32], count: int) -> list[list[tuple[str, float]]]: ...


class _Rows:
    """Vectors in a growing matrix; a dropped row is filled by the last one."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.index: dict[str, int] = {}
        self._matrix = np.empty((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def matrix(self) -> NDArray[np.float32]:
        return self._matrix[: len(self.keys)]

    def put(self, key: str, vector: Vector) -> None:
        if not np.isfinite(vector).all():
            raise ValueError(f"the vector of '{key}' has numbers that are not finite")
        row = self.index.get(key)
        if row is None:
            row = len(self.keys)
            self.keys.append(key)
            self.index[key] = row
            if row >= len(self._matrix):
                grown = np.zeros((max(64, 2 * row), len(vector)), np.float32)
                if row:
                    grown[:row] = self._matrix[:row]
                self._matrix = grown
        self._matrix[row] = vector

    def drop(self, key: str) -> None:
        row = self.index.pop(key, None)
        if row is None:
            return
        last = self.keys.pop()
        if last != key:
            self.keys[row] = last
            self.index[last] = row
            self._matrix[row] = self._matrix[len(self.keys)]


class ExactGallery:
    """Every cosine by one matrix product: the default, and the fastest up to many thousand identities."""

    def __init__(self) -> None:
        self._rows = _Rows()

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: str, vector: Vector) -> None:
        self._rows.put(key, vector)

    def drop(self, key: str) -> None:
        self._rows.drop(key)

    def nearest(self, queries: NDArray[np.float32], count: int) -> list[list[tuple[str, float]]]:
        if not len(self._rows):
            return [[] for _ in queries]
        # einsum without BLAS: the same bits whatever the number of rows and threads.
        cosines = np.einsum("md,nd->mn", queries, self._rows.matrix, optimize=False)
        return [_ranked(self._rows.keys, row, np.arange(len(row)), count) for row in cosines]


class FaissGallery:
    """The same through faiss: an exact inner-product index, rebuilt when the gallery has changed."""

    def __init__(self) -> None:
        try:
            import faiss
        except ImportError:
            raise ConfigError(
                "search = \"faiss\" needs faiss: pip install 'corridor[faiss]' (or 'corridor[gpu]'), "
                'or use search = "exact"'
            ) from None
        self._faiss = faiss
        self._rows = _Rows()
        self._index: Any = None

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: str, vector: Vector) -> None:
        self._rows.put(key, vector)
        self._index = None

    def drop(self, key: str) -> None:
        self._rows.drop(key)
        self._index = None

    def nearest(self, queries: NDArray[np.float32], count: int) -> list[list[tuple[str, float]]]:
        if not len(self._rows):
            return [[] for _ in queries]
        if self._index is None:
            self._index = self._faiss.IndexFlatIP(self._rows.matrix.shape[1])
            self._index.add(np.ascontiguousarray(self._rows.matrix))
        # A few more than asked for, so that ties at the end are cut by key and not by position.
        wanted = min(len(self._rows), count + 8)
        cosines, rows = self._index.search(np.ascontiguousarray(queries), wanted)
        return [_ranked(self._rows.keys, cosine, row, count) for cosine, row in zip(cosines, rows, strict=True)]


def make_gallery(search: str) -> Gallery:
    """`exact` or `faiss`; raises ConfigError where faiss is not installed."""
    return FaissGallery() if search == "faiss" else ExactGallery()


def _ranked(keys: list[str], cosines: Vector, rows: NDArray[np.int64], count: int) -> list[tuple[str, float]]:
    pairs = sorted(((float(cosine), keys[row]) for cosine, row in zip(cosines, rows, strict=True)), key=_descending)
    return [(key, cosine) for cosine, key in pairs[:count]]


def _descending(pair: tuple[float, str]) -> tuple[float, str]:
    return -pair[0], pair[1]
