"""The tracklets that association looks at, as arrays: those of its memory, and ends of chains that may go on."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from associate.links.travel_times import Floats, Ints
from associate.rows import Link, Tracklet
from ingest.clock import NS

_FLOATS = ("enter_s", "leave_s", "opened_s", "closed_s", "probability")
_INTS = ("number", "camera", "encoder", "gate_in", "gate_out", "before", "view", "identity", "shown")
_FLAGS = ("settled", "taken")


class Window:
    """Columns over places 0 to len - 1, by rising number; `place_of` finds a number's place.

    number, camera, encoder, gate_in, gate_out, before, view, identity, shown: int64; before is the place of the one
    that is followed, -1 for none; view is twice the camera, plus one where the vehicle comes towards it; identity is -1
    before the first decision. enter_s, leave_s,
    opened_s, closed_s, probability: float64 seconds since the origin; closed_s is infinite while a tracklet is open.
    vector: (N, D) float32. neighbourhood: (N, C) float32, of local scaling: mean cosine with the nearest neighbours
    before each camera, NaN where it is not known. first, last: (N, 4) boxes. speed: (N, 2). settled, taken: bool.
    """

    number: Ints
    camera: Ints
    encoder: Ints
    gate_in: Ints
    gate_out: Ints
    before: Ints
    view: Ints
    identity: Ints
    shown: Ints
    enter_s: Floats
    leave_s: Floats
    opened_s: Floats
    closed_s: Floats
    probability: Floats
    settled: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    vector: NDArray[np.float32]
    first: Floats
    last: Floats
    speed: Floats
    neighbourhood: NDArray[np.float32]

    def __init__(self, dim: int = 0) -> None:
        self.place_of: dict[int, int] = {}
        self._columns: dict[str, NDArray[np.generic]] = {}
        for names, kind in ((_FLOATS, np.float64), (_INTS, np.int64), (_FLAGS, np.bool_)):
            self._columns |= {name: np.zeros(64, kind) for name in names}
        self._columns |= {"first": np.zeros((64, 4)), "last": np.zeros((64, 4)), "speed": np.zeros((64, 2))}
        self._columns["vector"] = np.zeros((64, dim), np.float32)
        self._columns["neighbourhood"] = np.full((64, 0), np.nan, np.float32)
        self._usual: Floats | None = None
        self._show()

    def __len__(self) -> int:
        return len(self.place_of)

    @property
    def shut(self) -> NDArray[np.bool_]:
        """(N,) True for closed tracklets."""
        return np.isfinite(self.closed_s)

    @property
    def usual(self) -> Floats:
        """(C,) mean over all tracklets of what local scaling has measured before each camera; 0 where it has not."""
        if self._usual is None:
            known = np.isfinite(self.neighbourhood)
            total = np.where(known, self.neighbourhood, 0.0).sum(axis=0, dtype=np.float64)
            self._usual = total / np.maximum(known.sum(axis=0), 1)
        return self._usual

    @property
    def dim(self) -> int:
        return int(self._columns["vector"].shape[1])

    def _show(self) -> None:
        """Let the attributes be views of what is in use."""
        for name, column in self._columns.items():
            setattr(self, name, column[: len(self.place_of)])

    def put(self, row: Tracklet, camera: int, encoder: int, origin_ns: int) -> int:
        """Add or replace a tracklet; returns its place. New ones have the highest number so far."""
        place = self.place_of.get(row.number)
        if place is None:
            place = self._add(row.number)
            self.before[place] = self.identity[place] = -1
        self.number[place], self.camera[place], self.encoder[place] = row.number, camera, encoder
        self.gate_in[place], self.gate_out[place] = row.gate_in, row.gate_out
        self.view[place] = 2 * camera + row.nearing
        self.enter_s[place] = (row.enter_ns - origin_ns) / NS
        self.leave_s[place] = (row.leave_ns - origin_ns) / NS
        self.opened_s[place] = (row.opened_ns - origin_ns) / NS
        self.closed_s[place] = np.inf if row.closed_ns is None else (row.closed_ns - origin_ns) / NS
        self.first[place], self.last[place], self.speed[place] = row.first, row.last, row.speed
        vector = np.frombuffer(row.vector, np.float32)
        if len(vector) != self.dim and not self.vector.any():
            self._columns["vector"] = np.zeros((len(self._columns["number"]), len(vector)), np.float32)
            self._show()
        self.vector[place] = vector if len(vector) == self.dim else 0.0
        self.set_neighbourhood(np.array([place]), np.frombuffer(row.neighbourhood, np.float32)[None])
        return place

    def set_neighbourhood(self, places: Ints, neighbourhood: NDArray[np.float32]) -> None:
        """Set what local scaling has measured of tracklets, (P, C); C grows with the cameras that speak."""
        known, given = self.neighbourhood.shape[1], neighbourhood.shape[1]
        if given > known:
            column = self._columns["neighbourhood"]
            self._columns["neighbourhood"] = np.pad(column, ((0, 0), (0, given - known)), constant_values=np.nan)
            self._show()
        self.neighbourhood[places] = np.nan
        self.neighbourhood[places, :given] = neighbourhood
        self._usual = None

    def link(self, place: int, link: Link) -> None:
        """Take over the decision about a tracklet."""
        self.before[place] = self.place_of.get(link.before, -1)
        self.probability[place] = link.probability
        self.settled[place], self.taken[place] = link.settled, link.taken
        self.identity[place], self.shown[place] = link.identity, link.shown

    def keep(self, places: Iterable[int]) -> Ints:
        """Forget all other places, given in rising order; returns the new place (N,) of each old one, -1 for none."""
        kept = np.array(list(places), np.int64)
        moved = np.full(len(self) + 1, -1)  # the last entry is where -1 points
        moved[kept] = np.arange(len(kept))
        for column in self._columns.values():
            column[: len(kept)] = column[kept]
        self.place_of = {number: place for place, number in enumerate(self._columns["number"][: len(kept)].tolist())}
        self._show()
        self.before[:] = moved[self.before]
        self._usual = None
        return moved[:-1]

    def left_s(self, now_s: float) -> Floats:
        """(N,) when each was last in view: now, where it is open."""
        return np.where(self.shut, self.leave_s, np.maximum(self.opened_s, now_s))

    def _add(self, number: int) -> int:
        place = len(self.place_of)
        if place == len(self._columns["number"]):
            for name, column in self._columns.items():
                self._columns[name] = np.concatenate([column, np.zeros_like(column)])
        self.place_of[number] = place
        for column in self._columns.values():
            column[place] = 0
        self._show()
        return place
