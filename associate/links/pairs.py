"""Pairs of tracklets of which the one may follow the other, with their evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from associate.links.local_scaling import local_scaling
from associate.links.travel_times import Floats, Ints
from associate.links.window import Window
from associate.rows import Pairs

MOST_EACH, LEAST_EACH, MOST_PAIRS = 64, 8, 300_000
"""Pairs of one later tracklet, of which the likeliest are kept: fewer where there are so many in all."""

Float32s = NDArray[np.float32]
AnyFloats = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """P pairs, in order of their later tracklet and then of their earlier one.

    later, earlier: (P,) int64 places in the window. similarity: (P,) float32 cosines of the centred vectors, locally
    scaled; of a settled tracklet, the mean over the chain as it was decided with. nearness: (P,) float32, of fragments.
    share: (P,) float32, the probability with which the pair has been counted; together: (P,) float32, the same where
    two cameras are looked at by themselves (two_cameras.py).
    """

    later: Ints
    earlier: Ints
    similarity: Float32s
    nearness: Float32s
    share: Float32s
    together: Float32s

    @staticmethod
    def none() -> "PairTable":
        return PairTable.fresh(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    @staticmethod
    def fresh(later: Ints, earlier: Ints, similarity: AnyFloats, nearness: AnyFloats) -> "PairTable":
        """Pairs that nothing has been counted of."""
        none = np.zeros(len(later), np.float32)
        return PairTable(later, earlier, similarity.astype(np.float32), nearness.astype(np.float32), none, none.copy())

    def __len__(self) -> int:
        return len(self.later)

    def at(self, places: NDArray[np.bool_] | Ints) -> "PairTable":
        """Some of the pairs."""
        return PairTable(
            self.later[places],
            self.earlier[places],
            self.similarity[places],
            self.nearness[places],
            self.share[places],
            self.together[places],
        )

    def joined(self, other: "PairTable") -> "PairTable":
        """These pairs and others, in order."""
        both = joined([self, other])
        return both.at(np.argsort(both.later << 32 | both.earlier, kind="stable"))

    def moved(self, places: Ints) -> "PairTable":
        """The pairs after the window has forgotten places: `places` (N,) are the new ones, -1 for none."""
        later, earlier = places[self.later], places[self.earlier]
        kept = (later >= 0) & (earlier >= 0)
        table = self.at(kept)
        return replace(table, later=later[kept], earlier=earlier[kept])

    def row(self, later: int, window: Window) -> Pairs | None:
        """What has to be stored about the pairs of one later tracklet."""
        first, end = np.searchsorted(self.later, [later, later + 1])
        if first == end:
            return None
        return Pairs(
            earlier=window.number[self.earlier[first:end]].tobytes(),
            similarity=self.similarity[first:end].tobytes(),
            nearness=self.nearness[first:end].tobytes(),
            share=self.share[first:end].tobytes(),
            together=self.together[first:end].tobytes(),
        )


def most_each(tracklets: int) -> int:
    """Most pairs that each of so many tracklets may have as the later one."""
    return min(MOST_EACH, max(LEAST_EACH, MOST_PAIRS // max(tracklets, 1)))


def joined(tables: Sequence[PairTable]) -> PairTable:
    """The pairs of tables behind each other."""
    return PairTable(
        np.concatenate([it.later for it in tables]),
        np.concatenate([it.earlier for it in tables]),
        np.concatenate([it.similarity for it in tables]),
        np.concatenate([it.nearness for it in tables]),
        np.concatenate([it.share for it in tables]),
        np.concatenate([it.together for it in tables]),
    )


def from_rows(rows: Sequence[tuple[int, Pairs]], window: Window) -> PairTable:
    """The pairs of stored rows, each with the place of its later tracklet, in order of places."""
    tables = [PairTable.none()]
    for later, row in rows:
        numbers = np.frombuffer(row.earlier, np.int64).tolist()
        earlier = np.array([window.place_of.get(number, -1) for number in numbers], np.int64)
        together = row.together or bytes(len(row.share))  # state of before has none
        columns = (np.frombuffer(column, np.float32) for column in (row.similarity, row.nearness, row.share, together))
        table = PairTable(np.full(len(earlier), later), earlier, *columns)
        tables.append(table.at(earlier >= 0))
    return joined(tables)


def similarity(window: Window, earlier: Ints, later: Ints) -> Floats:
    """Cosines (P,) of the centred vectors, locally scaled between two cameras."""
    return cosines_of(window, earlier, later) - local_scaling(window, earlier, later)


def cosines_of(window: Window, earlier: Ints, later: Ints) -> Floats:
    """Cosines (P,) of the centred vectors; each sum in the same order, however many pairs are asked about."""
    cosines = np.empty(len(earlier))
    for first in range(0, len(earlier), 20_000):
        some = slice(first, first + 20_000)
        cosines[some] = np.einsum("pd,pd->p", window.vector[earlier[some]], window.vector[later[some]])
    return cosines
