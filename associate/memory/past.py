"""Travel times of what has left the memory: counts that weigh half after a day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.links.counts import SIDES, PairCounts
from associate.links.gates import Gates
from associate.links.travel_times import Floats, Ints
from associate.rows import Past
from associate.state import Table

HALF_LIFE_S = 86_400.0
"""Time after which what has left the memory weighs half."""

CAMERAS, GATES = "camera", "gate"


def faded(at_s: float | Floats, now_s: float) -> Floats:
    """The weight that time has left to counts."""
    return np.asarray(0.5 ** ((now_s - np.asarray(at_s)) / HALF_LIFE_S), np.float64)


@dataclass(slots=True, eq=False)
class _Stack:
    """The rows of one kind: keys (K,) rising, counts (2, K, B) as of the times at_s (K,)."""

    keys: Ints
    at_s: Floats
    counts: NDArray[np.float32]


class PastCounts:
    """Counts (2, B) by pair of cameras and by pair of gates; `rows` is what has to be stored."""

    def __init__(self, bins: int) -> None:
        self.rows: Table[Past] = Table("past", Past)
        self._bins = bins
        self.restored()

    def restored(self) -> None:
        """Rebuild from the rows what follows from them; rows of other bins wait for `drop_other_bins`."""
        found: dict[str, list[tuple[int, Past]]] = {CAMERAS: [], GATES: []}
        for name in self.rows.names:
            if self._fits(self.rows[name]):
                found[name.partition("|")[0]].append((_key_of(name), self.rows[name]))
        self._stacks = {kind: self._stack(rows) for kind, rows in found.items()}

    def add(self, kind: str, counted: PairCounts, now_s: float) -> None:
        """Take counts of pairs that leave the memory."""
        if not len(counted.keys):
            return
        stack = self._stacks[kind]
        keys = np.union1d(stack.keys, counted.keys)
        at_s, counts = np.full(len(keys), now_s), np.zeros((2, len(keys), self._bins), np.float32)
        known, fresh = np.searchsorted(keys, stack.keys), np.searchsorted(keys, counted.keys)
        at_s[known], counts[:, known] = stack.at_s, stack.counts
        before = counts[:, fresh] * faded(at_s[fresh], now_s)[:, None]
        at_s[fresh], counts[:, fresh] = now_s, (before + counted.counts).astype(np.float32)
        self._stacks[kind] = _Stack(keys, at_s, counts)
        for place in fresh.tolist():
            row = Past(counts=counts[:, place].tobytes(), at_s=now_s)
            self.rows.put(_name(kind, int(keys[place])), row)

    def counts(self, kind: str, now_s: float) -> PairCounts:
        """The counts of pairs of cameras, or of gates, with their present weight."""
        stack = self._stacks[kind]
        return PairCounts(stack.keys, stack.counts * faded(stack.at_s, now_s)[:, None])

    def drop_other_bins(self) -> int:
        """Drop the rows that can be counted no more, of another horizon or of another version's bins; their number."""
        others = [name for name in self.rows.names if not self._fits(self.rows[name])]
        for name in others:
            self.rows.drop(name)
        return len(others)

    def forget(self, camera: int, gates: Gates) -> None:
        """Forget all that is about a camera."""
        for name in self.rows.names:
            sides = divmod(_key_of(name), SIDES)
            of_gates = name.startswith(GATES)
            if camera in ([gates[number].camera for number in sides] if of_gates else sides):
                self.rows.drop(name)
        self.restored()

    def _fits(self, row: Past) -> bool:
        return len(row.counts) == np.dtype((np.float32, (2, self._bins))).itemsize

    def _stack(self, rows: list[tuple[int, Past]]) -> _Stack:
        rows.sort(key=lambda each: each[0])
        counts = np.zeros((2, len(rows), self._bins), np.float32)
        for place, (_, row) in enumerate(rows):
            counts[:, place] = np.frombuffer(row.counts, np.float32).reshape(2, -1)
        keys = np.array([key for key, _ in rows], np.int64)
        return _Stack(keys, np.array([row.at_s for _, row in rows], np.float64), counts)


def _name(kind: str, key: int) -> str:
    first, second = divmod(key, SIDES)
    return f"{CAMERAS}|{first}|{second}" if kind == CAMERAS else f"{GATES}|{key}|"


def _key_of(name: str) -> int:
    kind, first, second = name.split("|")
    return int(first) * SIDES + int(second) if kind == CAMERAS else int(first)
