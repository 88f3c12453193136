"""Pairs in memory: which tracklet each may follow, and what corrections say of that."""

import numpy as np
from numpy.typing import NDArray

from associate.links.candidates import form_pairs, scaled_cameras
from associate.links.local_scaling import neighbourhoods
from associate.links.model import LinkModel
from associate.links.pairs import PairTable, from_rows, similarity
from associate.links.travel_times import Floats, Ints
from associate.memory.tracklets import Tracklets, row_key
from associate.rows import Bond, Pairs
from associate.state import Table

SURE = 60.0
"""Log odds that somebody's word adds to a pair."""


class Pairing:
    """Pairs of the tracklets in memory, as a table by place; `pair_up` brings them up to date.

    rows: the pairs of each later tracklet, by its number. bonds: what somebody has said of two tracklets.
    """

    def __init__(self, tracklets: Tracklets) -> None:
        self._tracklets = tracklets
        self.rows: Table[Pairs] = Table("pair", Pairs)
        self.bonds: Table[Bond] = Table("bond", Bond)
        self.restored()

    def restored(self) -> None:
        """Rebuild the table from the rows; the tracklets are there."""
        window = self._tracklets.window
        stored = [(place, self.rows.get(row_key(number))) for number, place in window.place_of.items()]
        self.pairs = from_rows([(place, pairs) for place, pairs in stored if pairs is not None], window)

    def pair_up(self, model: LinkModel, now_s: float) -> None:
        """Form anew the pairs of tracklets that have begun or ended since the last call."""
        changed = self._tracklets.take_changed()
        if not len(changed):
            return
        window = self._tracklets.window
        found = neighbourhoods(window, changed, scaled_cameras(model, window, changed))
        self._tracklets.put_neighbourhoods(changed, found)
        fresh = np.zeros(len(window), np.bool_)
        fresh[changed] = True
        stale = fresh[self.pairs.later] | fresh[self.pairs.earlier]
        formed = form_pairs(model, window, changed, now_s)
        touched = np.concatenate([self.pairs.later[stale], formed.later])
        self.pairs = self.pairs.at(~stale).joined(formed)
        self.store(np.unique(touched))

    def store(self, places: Ints) -> None:
        """Store the pairs of the later tracklets at some places, as far as they have changed."""
        window = self._tracklets.window
        for place in places.tolist():
            key = row_key(int(window.number[place]))
            row = self.pairs.row(place, window)
            if row is None:
                self.rows.drop(key)
            elif self.rows.get(key) != row:
                self.rows.put(key, row)

    def decided_with(self, pairs: PairTable, mask: Ints) -> None:
        """Keep the similarities with which tracklets were settled: `pairs` are those at the places `mask`."""
        self.pairs.similarity[mask] = pairs.similarity
        self.store(np.unique(pairs.later))

    # Corrections

    def bind(self, earlier: int, later: int, *, same: bool) -> None:
        """Let one tracklet follow another for sure, or never; both are places."""
        window = self._tracklets.window
        first, second = int(window.number[earlier]), int(window.number[later])
        self.bonds.put(f"{row_key(second)}-{row_key(first)}", Bond(earlier=first, later=second, same=same))
        known = (self.pairs.later == later) & (self.pairs.earlier == earlier)
        if same and not known.any():
            i, j = np.array([earlier]), np.array([later])
            self.pairs = self.pairs.joined(PairTable.fresh(j, i, similarity(window, i, j), np.zeros(1)))
            self.store(j)

    def bound(self, pairs: PairTable) -> Floats:
        """Log odds (P,) that corrections add to pairs."""
        place_of = self._tracklets.window.place_of
        added = np.zeros(len(pairs))
        for bond in self.bonds:
            i, j = place_of.get(bond.earlier), place_of.get(bond.later)
            if i is not None and j is not None:
                here = (pairs.earlier == i) & (pairs.later == j)
                added[here] = SURE if bond.same else -SURE
        return added

    # Forgetting

    def uncount(self, camera: int) -> None:
        """Let the pairs that a camera is part of, by its index, count for nothing until they are judged again."""
        of = self._tracklets.window.camera
        concerned = (of[self.pairs.earlier] == camera) | (of[self.pairs.later] == camera)
        self.pairs.share[concerned] = self.pairs.together[concerned] = 0
        self.store(np.unique(self.pairs.later[concerned]))

    def drop(self, leaving: NDArray[np.bool_]) -> None:
        """Forget some of the pairs (P,)."""
        later = self.pairs.later[leaving]
        self.pairs = self.pairs.at(~leaving)
        self.store(np.unique(later))

    def forget(self, numbers: list[int], moved: Ints) -> None:
        """Forget the pairs and bonds of tracklets, by number, that the window has forgotten.

        moved: (N,) the new place of each old one, -1 for none.
        """
        followed = np.unique(self.pairs.later[moved[self.pairs.earlier] < 0])
        for number in numbers:
            self.rows.drop(row_key(number))
        for name in self.bonds.names:
            bond = self.bonds[name]
            if bond.earlier in numbers or bond.later in numbers:
                self.bonds.drop(name)
        self.pairs = self.pairs.moved(moved)
        places = moved[followed]
        self.store(places[places >= 0])
