"""Travel times of what has left the memory: counts that weigh half after a day."""

import numpy as np

from associate.links.gates import Gates
from associate.links.model import GATES
from associate.links.travel_times import Floats, Ints
from associate.rows import Past
from associate.state import Table

HALF_LIFE_S = 86_400.0
"""Time after which what has left the memory weighs half."""


def faded(at_s: float, now_s: float) -> float:
    """The weight that time has left to a count."""
    return float(0.5 ** ((now_s - at_s) / HALF_LIFE_S))


class PastCounts:
    """Counts (2, B) by pair of cameras and by pair of gates; `rows` is what has to be stored."""

    def __init__(self) -> None:
        self.rows: Table[Past] = Table("past", Past)

    def add(self, pairs: Floats, gate_keys: Ints, gates: Floats, now_s: float) -> None:
        """Take counts of pairs of cameras (2, C, C, B) and of gates (2, K, B) that leave the memory."""
        for a, b in zip(*(side.tolist() for side in np.nonzero(pairs[0].any(-1))), strict=True):
            self._add(f"camera|{a}|{b}", pairs[:, a, b], now_s)
        for place, key in enumerate(gate_keys.tolist()):
            self._add(f"gate|{key}|", gates[:, place], now_s)

    def joined(self, pairs: Floats, gate_keys: Ints, gates: Floats, now_s: float) -> tuple[Floats, Ints, Floats]:
        """Such counts of the memory with those of the past added."""
        for name in self.rows.names:
            past = self.rows[name]
            counts = faded(past.at_s, now_s) * np.frombuffer(past.counts, np.float32).astype(np.float64).reshape(2, -1)
            kind, first, second = name.split("|")
            if counts.shape[1] != pairs.shape[-1]:
                continue  # see drop_other_bins
            if kind == "camera":
                pairs[:, int(first), int(second)] += counts
                continue
            place = int(np.searchsorted(gate_keys, int(first)))
            if place == len(gate_keys) or gate_keys[place] != int(first):
                gate_keys, gates = np.insert(gate_keys, place, int(first)), np.insert(gates, place, 0.0, axis=1)
            gates[:, place] += counts
        return pairs, gate_keys, gates

    def drop_other_bins(self, count: int) -> int:
        """Drop the rows that can be counted no more, of another horizon or of another version's bins; their number."""
        size = np.dtype((np.float32, (2, count))).itemsize
        others = [name for name in self.rows.names if len(self.rows[name].counts) != size]
        for name in others:
            self.rows.drop(name)
        return len(others)

    def forget(self, camera: int, gates: Gates) -> None:
        """Forget all that is about a camera."""
        for name in self.rows.names:
            kind, first, second = name.split("|")
            if kind == "camera":
                about = camera in (int(first), int(second))
            else:
                about = any(gates[number].camera == camera for number in divmod(int(first), GATES))
            if about:
                self.rows.drop(name)

    def _add(self, key: str, counts: Floats, now_s: float) -> None:
        past = self.rows.get(key)
        before = None if past is None else np.frombuffer(past.counts, np.float32).reshape(2, -1)
        if past is not None and before is not None and before.shape == counts.shape:  # else of other bins
            counts = counts + faded(past.at_s, now_s) * before
        self.rows.put(key, Past(counts=counts.astype(np.float32).tobytes(), at_s=now_s))
