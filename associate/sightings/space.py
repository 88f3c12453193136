"""The compressed space of one encoder: its projection and centres, which all segments share.

A vector is projected to its 112 principal directions and coded as its nearest centre's number and 6 bits for each
direction of what is left: 84 bytes, and 8 of its place. Distances are L2: taking the mean off would break inner
products, and for vectors of norm 1 the order is the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError

Vectors = NDArray[np.float32]
Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]

DIRECTIONS = 112
"""A multiple of 16, which AVX-512 takes at a time."""

CENTRES = 1024
TRAINED_FROM = 32_768
"""Sightings that a space is trained with; before there are so many, search is exact."""

SEED = 20
ROUNDS = 10


class Space:
    """Codes of one encoder's vectors and the search over them; `state` is what has to be stored."""

    def __init__(self, mean: Vectors, directions: Vectors, index: Any) -> None:
        self._mean, self._directions = mean, directions
        self._index = index  # without entries: every code index begins as a copy
        self.state: dict[str, NDArray[Any]] = {
            "mean": mean,
            "directions": directions,
            "index": load_faiss().serialize_index(index),
        }

    @classmethod
    def train(cls, vectors: Vectors, *, centres: int = CENTRES) -> "Space":
        """Train with vectors (N, D) of norm 1; the same vectors give the same space."""
        faiss = load_faiss()
        mean = vectors.mean(0)
        apart = (vectors - mean).astype(np.float64)
        _, axes = np.linalg.eigh(apart.T @ apart)
        directions = np.ascontiguousarray(axes[:, ::-1][:, :DIRECTIONS], np.float32)
        width = directions.shape[1]
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(width), width, centres, faiss.ScalarQuantizer.QT_6bit, faiss.METRIC_L2, True
        )
        index.cp.seed, index.cp.niter, index.cp.min_points_per_centroid = SEED, ROUNDS, 1
        index.train(np.ascontiguousarray((vectors - mean) @ directions))
        return cls(mean, directions, index)

    @classmethod
    def restored(cls, state: dict[str, NDArray[Any]]) -> "Space":
        """A space from its state."""
        return cls(state["mean"], state["directions"], load_faiss().deserialize_index(state["index"]))

    def project(self, vectors: Vectors) -> Vectors:
        """Vectors (N, D) in the projected space."""
        return np.ascontiguousarray((vectors - self._mean) @ self._directions)

    def encode(self, vectors: Vectors) -> Codes:
        """Codes (N, bytes) of vectors (N, D): the number of the centre, then 6 bits a direction."""
        return np.asarray(self._index.sa_encode(self.project(vectors)), np.uint8)

    @property
    def code_bytes(self) -> int:
        """Bytes of a code with its centre's number."""
        return int(self._index.sa_code_size())

    def new_index(self) -> "CodeIndex":
        """An index without entries."""
        return CodeIndex(self, load_faiss().clone_index(self._index))


class CodeIndex:
    """Codes in memory, each under a place that its owner gives."""

    def __init__(self, space: Space, index: Any) -> None:
        self._space, self._index = space, index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def centres(self) -> int:
        return int(self._index.nlist)

    def add(self, codes: Codes, places: Ints) -> None:
        """Add codes (N, bytes) under places (N,)."""
        self._index.add_sa_codes(np.ascontiguousarray(codes), np.ascontiguousarray(places))

    def remove(self, places: Ints) -> None:
        """Take entries out."""
        self._index.remove_ids(np.ascontiguousarray(places))

    def nearest(self, query: Vectors, count: int, visited: int, admitted: NDArray[np.bool_] | None) -> Ints:
        """Places of up to `count` entries next to a query (D,), of the `visited` nearest centres.

        admitted: (N,) by place; None admits all.
        """
        faiss = load_faiss()
        selector = None if admitted is None else faiss.IDSelectorBitmap(np.packbits(admitted, bitorder="little"))
        how = faiss.SearchParametersIVF(nprobe=min(visited, self.centres), sel=selector)
        _, places = self._index.search(self._space.project(query[None]), min(count, len(self)), params=how)
        return np.asarray(places[0][places[0] >= 0], np.int64)


def load_faiss() -> Any:
    """faiss, which the extra `search` installs; raises ConfigError without it."""
    try:
        import faiss
    except ImportError:
        raise ConfigError("this needs faiss: pip install 'corridor[search]' (or 'corridor[gpu]')") from None
    return faiss
