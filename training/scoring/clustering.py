"""The baseline: average-linkage clustering of whole tracklets, with travel-time windows and a similarity floor.

As published city-scale systems do it offline (Szűcs et al. 2023, doi 10.1007/s11042-023-17397-0: agglomerative
clustering whose proximity matrix is constrained by time and space). Arrays in, labels out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from training.scoring.tracks import Ints

FORBIDDEN = 1e10
"""The distance of two tracklets that cannot be one vehicle: a cluster that holds one such pair is beyond every cut."""
ROWS = 512
"""Tracklets that are compared with all others at once while blocks are found."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tracklets:
    """N closed tracklets: cameras (N,) int64 from 0, enter_s and leave_s (N,) float64, features (N, D) of norm 1."""

    cameras: Ints
    enter_s: NDArray[np.float64]
    leave_s: NDArray[np.float64]
    features: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.cameras)

    def select(self, rows: Ints | slice) -> "Tracklets":
        return Tracklets(self.cameras[rows], self.enter_s[rows], self.leave_s[rows], self.features[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Possible times between leaving one camera and entering another: low_s, high_s (C, C) float64, by from and to.

    NaN where no vehicle goes from the one to the other.
    """

    low_s: Matrix
    high_s: Matrix

    @classmethod
    def of(
        cls, count: int, listed: Mapping[tuple[int, int], tuple[float, float]], default: tuple[float, float] | None
    ) -> "Windows":
        """Windows of `count` cameras: those listed, the default for every other pair (also of a camera with itself)."""
        low_s, high_s = default if default is not None else (np.nan, np.nan)
        windows = cls(np.full((count, count), low_s), np.full((count, count), high_s))
        for pair, (low_s, high_s) in listed.items():
            windows.low_s[pair], windows.high_s[pair] = low_s, high_s
        return windows

    def allow(self, some: Tracklets, others: Tracklets) -> NDArray[np.bool_]:
        """Pairs (M, N) that may be one vehicle: one follows the other in time; never two at once in one camera."""
        one, two = some.cameras[:, None], others.cameras[None, :]
        onward_s = others.enter_s[None, :] - some.leave_s[:, None]
        back_s = some.enter_s[:, None] - others.leave_s[None, :]
        fits: NDArray[np.bool_] = (self.low_s[one, two] <= onward_s) & (onward_s <= self.high_s[one, two])
        fits |= (self.low_s[two, one] <= back_s) & (back_s <= self.high_s[two, one])
        fits[(one == two) & (onward_s < 0) & (back_s < 0)] = False
        return fits


@dataclass(frozen=True, slots=True, eq=False)
class Dendrogram:
    """Merges of every block: its rows, and SciPy's linkage matrix, None of a block of one."""

    blocks: list[tuple[Ints, Matrix | None]]
    count: int

    def cut(self, floor: float) -> Ints:
        """Cluster labels (N,) from 0: the average cosine was at least `floor` at every merge."""
        labels, used = np.empty(self.count, np.int64), 0
        for rows, merges in self.blocks:
            local = np.ones(1, np.int64) if merges is None else fcluster(merges, 1 - floor, "distance")
            labels[rows] = used + local - 1
            used += int(local.max())
        return labels


def cluster(tracklets: Tracklets, windows: Windows, floor: float) -> Dendrogram:
    """Average linkage (UPGMA) on 1 - cosine; ready to be cut at this floor or at a higher one.

    Two clusters never merge unless all of their pairs are allowed, and unless one pair is at least as similar as the
    floor; so the tracklets fall into blocks, which are clustered one by one: memory grows with the square of the
    largest block (16 bytes a pair), not of all tracklets.
    """
    # Step 1: blocks that no allowed pair of at least the floor connects
    group = _groups(tracklets, windows, floor)
    # Step 2: rows of each block, side by side
    order = np.argsort(group, kind="stable")
    blocks: list[tuple[Ints, Matrix | None]] = []
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        # Step 3: average linkage within a block; forbidden pairs are beyond every cut
        merges = None if len(rows) == 1 else linkage(_distances(tracklets.select(rows), windows), "average")
        blocks.append((rows, merges))
    return Dendrogram(blocks, len(tracklets))


def _groups(tracklets: Tracklets, windows: Windows, floor: float) -> Ints:
    """Blocks (N,) of tracklets that can come together at all: connected by allowed pairs of at least the floor."""
    count = len(tracklets)
    group = np.arange(count)
    for begin in range(0, count, ROWS):
        few = tracklets.select(slice(begin, begin + ROWS))
        # Step 1: allowed pairs of these rows with at least the floor (rounding aside)
        near = few.features @ tracklets.features.T >= floor - 1e-6
        rows, columns = np.nonzero(near & windows.allow(few, tracklets))
        # Step 2: join the groups that these pairs connect
        ends = (np.concatenate([group[begin + rows], group]), np.concatenate([group[columns], np.arange(count)]))
        _, group = connected_components(coo_matrix((np.ones(len(ends[0])), ends), (count, count)), directed=False)
        # Each group is called by its first tracklet, so that names stay places in the array.
        _, first = np.unique(group, return_index=True)
        group = first[group]
    return group.astype(np.int64)


def _distances(block: Tracklets, windows: Windows) -> NDArray[np.float64]:
    """SciPy's condensed distances: 1 - cosine, and FORBIDDEN."""
    count = len(block)
    distances = np.empty(count * (count - 1) // 2)
    at = 0
    for begin in range(0, count, ROWS):
        few, rest = block.select(slice(begin, begin + ROWS)), block.select(slice(begin, count))
        apart = 1 - (few.features @ rest.features.T).astype(np.float64)
        apart = np.where(windows.allow(few, rest), np.maximum(apart, 0), FORBIDDEN)
        for row in range(len(few)):
            beyond = apart[row, row + 1 :]
            distances[at : at + len(beyond)] = beyond
            at += len(beyond)
    return distances
