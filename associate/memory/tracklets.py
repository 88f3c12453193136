"""Tracklets in memory: their rows and decisions, the window of them, and the looks and gates that they are seen by."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.boxes import path_of, speed_of
from associate.links.appearance import Looks
from associate.links.gates import Gates
from associate.links.travel_times import Ints
from associate.links.whitening import Whitening
from associate.links.window import Window
from associate.memory.cameras import Cameras
from associate.memory.progress import ProgressRow
from associate.rows import ENDED, Box, Link, Tracklet
from associate.state import Table
from embed.observation import Observation, TrackletState, unpack_vector

SOMEWHERE: Box = (0.5, 0.5, 0.1, 0.1)
"""The box of a tracklet that came without a path."""


class Tracklets:
    """Tracklets by number and, in `window`, by place; `see` takes observations in.

    rows, links: tracklets and the decisions about them, by number. encoders: index of each encoder in the window.
    looks, whitening, gates: what vectors and boxes are read by, and what they teach in turn.
    """

    def __init__(self, cameras: Cameras, progress: ProgressRow) -> None:
        self.cameras, self.progress = cameras, progress
        self.rows: Table[Tracklet] = Table("tracklet", Tracklet)
        self.links: Table[Link] = Table("link", Link)
        self.looks, self.whitening, self.gates = Looks(), Whitening(), Gates()
        self.restored()

    def restored(self) -> None:
        """Rebuild from the rows what follows from them."""
        self.gates.restored()
        rows = sorted(self.rows, key=lambda row: row.number)
        self._number_of = {row.id: row.number for row in rows}
        self.encoders: dict[str, int] = {}
        self.window = Window()
        self._forgotten: list[tuple[int, Link]] = []
        for row in rows:
            self._put(row)
        for place in range(len(rows)):
            if link := self.link(place):
                self.window.link(place, link)
        # Tracklets that came, or ended, after the latest decision wait for the next one.
        self._changed = {row.number for place, row in enumerate(rows) if self._is_news(row, self.link(place))}

    @staticmethod
    def _is_news(row: Tracklet, link: Link | None) -> bool:
        return link is None or (row.closed_ns is not None and link.shown < ENDED)

    # Rows

    def number_of(self, tracklet: str) -> int | None:
        return self._number_of.get(tracklet)

    def row(self, place: int) -> Tracklet:
        return self.rows[row_key(int(self.window.number[place]))]

    def link(self, place: int) -> Link | None:
        return self.links.get(row_key(int(self.window.number[place])))

    def put_link(self, place: int, link: Link) -> None:
        """Keep the decision about a tracklet."""
        key = row_key(int(self.window.number[place]))
        if self.links.get(key) != link:
            self.links.put(key, link)
        self.window.link(place, link)

    def put_neighbourhoods(self, places: Ints, found: NDArray[np.float32]) -> None:
        """Keep how alike the nearest neighbours (P, C) of the tracklets at some places are."""
        self.window.set_neighbourhood(places, found)
        for place, row in zip(places.tolist(), found, strict=True):
            tracklet = msgspec.structs.replace(self.row(place), neighbourhood=row.tobytes())
            self.rows.put(row_key(tracklet.number), tracklet)

    def open(self) -> list[Tracklet]:
        """The tracklets that have not ended."""
        return [self.row(place) for place in np.flatnonzero(~self.window.shut).tolist()]

    def centred(self, places: Ints) -> NDArray[np.float32]:
        """The vectors (N, D) of closed tracklets before they were whitened; zeros where they are of another length."""
        vectors = np.zeros((len(places), self.window.dim), np.float32)
        for vector, place in zip(vectors, places.tolist(), strict=True):
            row = self.row(place)
            # State from before there was whitening has one vector only.
            own = np.frombuffer(row.centred, np.float16) if row.centred else np.frombuffer(row.vector, np.float32)
            if len(own) == len(vector):
                vector[:] = own
        return vectors

    # Observations

    def see(self, seen: Observation) -> None:
        """Take an observation in: a tracklet begins, goes on or ends."""
        if self.progress.now.origin_ns is None:
            self.progress.advance(origin_ns=seen.first_ns)
        number = self._number_of.get(seen.tracklet)
        row = self._begun(seen) if number is None else self.rows[row_key(number)]
        if row.closed_ns is not None:
            return
        boxes = path_of(seen)
        last = boxes[-1] if boxes else row.last
        row = msgspec.structs.replace(
            row,
            observation=seen.id,
            label=seen.label,
            score=seen.score,
            leave_ns=seen.last_ns,
            last=last,
            speed=speed_of(seen, boxes) or row.speed,
            nearing=last[3] > row.first[3],
        )
        if seen.state is TrackletState.CLOSED:
            row = self._ended(row, seen)
        self._put(row)

    def complete(self, tracklets: Iterable[Tracklet], at_ns: int) -> None:
        """End tracklets of which no more will come, with what is known of them."""
        for row in tracklets:
            self._put(msgspec.structs.replace(row, closed_ns=at_ns, gate_out=self._gate_out(row)))
            self._changed.add(row.number)

    def take_changed(self) -> Ints:
        """Places, rising, of the tracklets that have begun or ended since the last call."""
        places = sorted(self.window.place_of[number] for number in self._changed)
        self._changed = set()
        return np.array(places, np.int64)

    def _begun(self, seen: Observation) -> Tracklet:
        number = self.progress.now.tracklets + 1
        first = path_of(seen)[0] if seen.path else SOMEWHERE
        vector = unpack_vector(seen.vector)
        self.progress.advance(tracklets=number)
        self._number_of[seen.tracklet] = number
        self._changed.add(number)
        camera = self.cameras[seen.camera].index
        centred = self.looks.centred(vector, seen.encoder, camera, nearing=False)
        return Tracklet(
            number=number,
            id=seen.tracklet,
            observation=seen.id,
            camera=seen.camera,
            epoch=seen.epoch,
            label=seen.label,
            score=seen.score,
            encoder=seen.encoder,
            vector=self.whitening.whitened(centred, seen.encoder).tobytes(),
            centred=centred.astype(np.float16).tobytes(),
            enter_ns=seen.first_ns,
            leave_ns=seen.last_ns,
            opened_ns=seen.at_ns,
            first=first,
            last=first,
            gate_in=self.gates.find(camera, first[0], first[1], outgoing=False),
        )

    def _ended(self, row: Tracklet, seen: Observation) -> Tracklet:
        camera, vector = self.cameras[seen.camera].index, unpack_vector(seen.vector)
        self.looks.add(vector, seen.encoder, camera, nearing=row.nearing)
        self._changed.add(row.number)
        centred = self.looks.centred(vector, seen.encoder, camera, nearing=row.nearing)
        return msgspec.structs.replace(
            row,
            closed_ns=seen.at_ns,
            vector=self.whitening.whitened(centred, row.encoder).tobytes(),
            centred=centred.astype(np.float16).tobytes(),
            gate_out=self._gate_out(row),
        )

    def _gate_out(self, row: Tracklet) -> int:
        return self.gates.find(self.cameras[row.camera].index, row.last[0], row.last[1], outgoing=True)

    def _put(self, row: Tracklet) -> None:
        self.rows.put(row_key(row.number), row)
        encoder = self.encoders.setdefault(row.encoder, len(self.encoders))
        self.window.put(row, self.cameras[row.camera].index, encoder, self.progress.now.origin_ns or 0)

    # Forgetting

    def forget(self, kept: NDArray[np.bool_]) -> Ints:
        """Forget all but those kept (N,); returns the new place (N,) of each old one, -1 for none."""
        for number in self.window.number[~kept].tolist():
            key = row_key(number)
            if (link := self.links.get(key)) is not None:
                self._forgotten.append((number, link))
            self._number_of.pop(self.rows[key].id, None)
            self._changed.discard(number)
            self.rows.drop(key)
            self.links.drop(key)
        return self.window.keep(np.flatnonzero(kept).tolist())

    def take_forgotten(self) -> list[tuple[int, Link]]:
        """The tracklets that were forgotten since the last call, by number, with their links."""
        forgotten, self._forgotten = self._forgotten, []
        return forgotten


def row_key(number: int) -> str:
    """Key of the rows about the tracklet of a number; keys are in the order of numbers."""
    return f"{number:010d}"
