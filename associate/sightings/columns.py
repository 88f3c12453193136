"""Columns of what searches are narrowed by, of every sighting in memory: 22 bytes each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

ROW = np.dtype([("first_ns", "<i8"), ("last_ns", "<i8"), ("camera", "<u2"), ("label", "<u2"), ("colour", "<u2")])
"""One sighting: its interval, and the numbers of its camera, label and colour."""

GONE = 2**16 - 1
"""Number of a camera in the row of a sighting that has been deleted."""

Rows = NDArray[np.void]
"""Rows (N,) of dtype ROW."""


@dataclass(frozen=True, slots=True)
class NumberedFilter:
    """A filter with numbers in place of names; None admits everything, an empty tuple nothing."""

    since_ns: int | None
    until_ns: int | None
    cameras: Sequence[int] | None
    labels: Sequence[int] | None
    colours: Sequence[int] | None


class Columns:
    """Columns that grow at their end; a place is given once, and rows may be replaced in theirs."""

    def __init__(self) -> None:
        self._count = 0
        self._columns = {name: np.empty(0, ROW[name]) for name in _NAMES}

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Rows) -> None:
        """Append rows (N,)."""
        count = self._count + len(rows)
        for name, column in self._columns.items():
            if count > len(column):
                grown = np.empty(max(count, 3 * len(column) // 2), column.dtype)
                grown[: self._count] = column[: self._count]
                self._columns[name] = column = grown
            column[self._count : count] = rows[name]
        self._count = count

    def put(self, place: int, rows: Rows) -> None:
        """Replace the rows from a place on."""
        for name, column in self._columns.items():
            column[place : place + len(rows)] = rows[name]

    def alive(self) -> Bools:
        """(N,) of those that have not been deleted."""
        return np.asarray(self["camera"] != GONE, np.bool_)

    def admitted(self, wanted: NumberedFilter) -> Bools:
        """(N,) of those that a filter admits, without deleted ones."""
        mask = self.alive()
        if wanted.since_ns is not None:
            mask &= self["last_ns"] >= wanted.since_ns
        if wanted.until_ns is not None:
            mask &= self["first_ns"] <= wanted.until_ns
        for name, numbers in (("camera", wanted.cameras), ("label", wanted.labels), ("colour", wanted.colours)):
            if numbers is not None:
                mask &= np.isin(self[name], np.asarray(numbers, np.uint16))
        return mask

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self._columns[name][: self._count]


_NAMES = ROW.names or ()
