"""What association remembers: tracklets, pairs, looks, gates and counts, as rows to store and as arrays to work on.

Everything beside the rows follows from them, so that a restart goes on with the same numbers.
"""

from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.boxes import path_of, speed_of
from associate.links import learning
from associate.links.appearance import Calibration, Looks
from associate.links.candidates import form_pairs, scaled_cameras
from associate.links.counts import LEAST_LINKS, PairCounts
from associate.links.gates import Gates, GateTable
from associate.links.local_scaling import neighbourhoods
from associate.links.model import Counts, LinkModel
from associate.links.pairs import PairTable, from_rows, similarity
from associate.links.travel_times import Floats, Ints
from associate.links.whitening import FROM_PROBABILITY, LATEST, Whitening
from associate.links.window import Window
from associate.past import CAMERAS, GATES, HALF_LIFE_S, PastCounts, faded
from associate.rows import ENDED, Bond, Box, Camera, Link, Pairs, Progress, Tracklet
from associate.state import Table
from associate.topology import Topology
from embed.observation import CameraEpoch, Observation, TrackletState, unpack_vector
from ingest.clock import NS

LEARN_FROM_S, LEARN_SOON_S, LEARN_AFTER, LEARN_EVERY_S = 20.0, 2.0, 0.1, 10.0
YOUNG_S, ROUNDS_YOUNG, ROUNDS = 600.0, 4, 2
"""Learning begins after 20 s: less shows too little of dense traffic. It comes again after a tenth of the time there
has been, 2 to 10 s, with more rounds in the first minutes: there every round sharpens what the next one goes by.
"""
JUDGED = 400_000
"""Pairs that are judged in one learning: with more, the rounds are fewer."""

FEWEST_PAIRS = 5
SOMEWHERE: Box = (0.5, 0.5, 0.1, 0.1)
"""The box of a tracklet that came without a path."""

SURE = 60.0
"""Log odds that somebody's word adds to a pair."""


class Memory:
    """Tracklets and what they have taught.

    `see` takes observations in; `pair_up` and `learn` bring pairs and model up to date at a moment. `window`, `pairs`
    and `model` are what decisions are made from; `links` is where they are kept.
    """

    def __init__(self, topology: Topology, calibration: Calibration, *, memory_s: float) -> None:
        self._topology, self._start, self.memory_s = topology, calibration, memory_s
        self.bins = topology.bins
        self.looks, self.whitening, self.gates = Looks(), Whitening(), Gates()
        self.cameras: Table[Camera] = Table("camera", Camera)
        self.tracklets: Table[Tracklet] = Table("tracklet", Tracklet)
        self.links: Table[Link] = Table("link", Link)
        self._pair_rows: Table[Pairs] = Table("pair", Pairs)
        self._past = PastCounts(self.bins.count)
        self.bonds: Table[Bond] = Table("bond", Bond)
        self._progress: Table[Progress] = Table("progress", Progress)
        self.tables: tuple[Table[Any], ...] = (
            self.cameras,
            self.tracklets,
            self.links,
            self._pair_rows,
            self._past.rows,
            self.bonds,
            self.looks.rows,
            self.whitening.rows,
            self.gates.rows,
            self._progress,
        )
        self.restored()

    # Rows

    @property
    def progress(self) -> Progress:
        return self._progress["all"]

    def advance(self, **changes: Any) -> None:
        """Change fields of the progress."""
        self._progress.put("all", msgspec.structs.replace(self.progress, **changes))

    def restored(self) -> None:
        """Rebuild from the rows what follows from them."""
        if "all" not in self._progress:
            self._progress.put("all", Progress())
        self.gates.restored()
        self._past.restored()
        rows = sorted(self.tracklets, key=lambda row: row.number)
        self._number_of = {row.id: row.number for row in rows}
        self._encoders: dict[str, int] = {}
        self.window = Window()
        self._forgotten: list[tuple[int, Link]] = []
        self._changed: set[int] = set()
        for row in rows:
            self._put(row)
        for row in rows:
            if link := self.links.get(_key(row.number)):
                self.window.link(self.window.place_of[row.number], link)
        stored = [(self.window.place_of[row.number], self._pair_rows.get(_key(row.number))) for row in rows]
        self.pairs = from_rows([(place, pairs) for place, pairs in stored if pairs is not None], self.window)
        # Tracklets that came after the latest decision wait for the next one.
        self._changed = {row.number for row in rows if self.links.get(_key(row.number)) is None}
        self._changed |= {row.number for row in rows if self._ended_since(row)}
        self._remodel()

    def _ended_since(self, row: Tracklet) -> bool:
        link = self.links.get(_key(row.number))
        return row.closed_ns is not None and link is not None and link.shown < ENDED

    @property
    def camera_names(self) -> list[str]:
        """Ids of the cameras, by index."""
        return sorted(self.cameras.names, key=lambda name: self.cameras[name].index)

    def number_of(self, tracklet: str) -> int | None:
        return self._number_of.get(tracklet)

    def row(self, place: int) -> Tracklet:
        return self.tracklets[_key(int(self.window.number[place]))]

    def link(self, place: int) -> Link | None:
        return self.links.get(_key(int(self.window.number[place])))

    def put_link(self, place: int, link: Link) -> None:
        """Keep the decision about a tracklet."""
        key = _key(int(self.window.number[place]))
        if self.links.get(key) != link:
            self.links.put(key, link)
        self.window.link(place, link)

    def seconds(self, at_ns: int) -> float:
        """Seconds since the origin of event time."""
        return (at_ns - (self.progress.origin_ns or 0)) / NS

    # Observations

    def learn_dim(self, encoder: str, dim: int) -> None:
        """Take the length of an encoder's vectors from the first one."""
        if encoder not in self.progress.dims:
            self.advance(dims={**self.progress.dims, encoder: dim})

    def see(self, seen: Observation) -> None:
        """Take an observation in: a tracklet begins, goes on or ends."""
        if self.progress.origin_ns is None:
            self.advance(origin_ns=seen.first_ns)
        number = self._number_of.get(seen.tracklet)
        row = None if number is None else self.tracklets[_key(number)]
        if row is not None and row.closed_ns is not None:
            return
        row = self._begun(seen) if row is None else row
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
            gate = self.gates.find(self.cameras[row.camera].index, row.last[0], row.last[1], outgoing=True)
            self._put(msgspec.structs.replace(row, closed_ns=at_ns, gate_out=gate))
            self._changed.add(row.number)

    def drop(self, tracklet: str) -> None:
        """Forget a tracklet for good."""
        number = self._number_of.get(tracklet)
        if number is not None:
            place = self.window.place_of[number]
            self._forget(np.arange(len(self.window)) != place)

    def open(self) -> list[Tracklet]:
        """The tracklets that have not ended."""
        return [self.row(place) for place in np.flatnonzero(~self.window.shut).tolist()]

    def hear(self, camera: str, epoch: CameraEpoch, at_ns: int) -> bool:
        """Note a camera's epoch at a moment; returns True where it is another one than before."""
        known = self.cameras.get(camera)
        if known is not None and known.epoch == epoch:
            return False
        if known is None:
            known = Camera(index=len(self.cameras), epoch=epoch)
            self.cameras.put(camera, known)
            self._remodel()
        self.cameras.put(camera, msgspec.structs.replace(known, epoch=epoch, since_ns=at_ns))
        return True

    def known_again(self, camera: str, at_ns: int) -> bool:
        """True where the past of a camera is not mostly of before somebody said that it was changed.

        What was in the memory then still leaves it: after twice its length there is as much of since.
        """
        changed_ns = self.cameras[camera].changed_ns
        return not changed_ns or at_ns >= changed_ns + round(2 * self.memory_s * NS)

    def not_heard(self, camera: str, at_ns: int) -> None:
        """Note that a camera is silent at a moment."""
        if camera in self.cameras:
            self.cameras.put(camera, msgspec.structs.replace(self.cameras[camera], since_ns=at_ns))

    def _begun(self, seen: Observation) -> Tracklet:
        number = self.progress.tracklets + 1
        first = path_of(seen)[0] if seen.path else SOMEWHERE
        vector = unpack_vector(seen.vector)
        self.advance(tracklets=number)
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
            gate_out=self.gates.find(camera, row.last[0], row.last[1], outgoing=True),
        )

    def _put(self, row: Tracklet) -> None:
        self.tracklets.put(_key(row.number), row)
        encoder = self._encoders.setdefault(row.encoder, len(self._encoders))
        self.window.put(row, self.cameras[row.camera].index, encoder, self.progress.origin_ns or 0)

    # Corrections

    def bind(self, earlier: int, later: int, *, same: bool) -> None:
        """Let one tracklet follow another for sure, or never; both are places."""
        first, second = int(self.window.number[earlier]), int(self.window.number[later])
        self.bonds.put(f"{_key(second)}-{_key(first)}", Bond(earlier=first, later=second, same=same))
        known = (self.pairs.later == later) & (self.pairs.earlier == earlier)
        if same and not known.any():
            i, j = np.array([earlier]), np.array([later])
            alike, none = similarity(self.window, i, j).astype(np.float32), np.zeros(1, np.float32)
            self.pairs = self.pairs.joined(PairTable(j, i, alike, none, none))
            self._store_pairs(j)

    def bound(self, pairs: PairTable) -> Floats:
        """What corrections add to the log odds (P,) of pairs."""
        added = np.zeros(len(pairs))
        for bond in self.bonds:
            i, j = self.window.place_of.get(bond.earlier), self.window.place_of.get(bond.later)
            if i is not None and j is not None:
                here = (pairs.earlier == i) & (pairs.later == j)
                added[here] = SURE if bond.same else -SURE
        return added

    def forget_camera(self, camera: str, at_ns: int, *, looks: bool) -> bool:
        """Forget the travel times of a camera whose clock was set; with `looks`, its view, too, since it was moved."""
        row = self.cameras.get(camera)
        if row is None:
            return False
        self.cameras.put(camera, msgspec.structs.replace(row, changed_ns=at_ns))
        self._past.forget(row.index, self.gates)
        window = self.window
        concerned = (window.camera[self.pairs.earlier] == row.index) | (window.camera[self.pairs.later] == row.index)
        self.pairs.share[concerned] = 0
        self._store_pairs(np.unique(self.pairs.later[concerned]))
        self.gates.forget(row.index, places=looks)
        if looks:
            self.looks.forget(row.index)
        self._remodel()
        return True

    # Pairs and model

    def pair_up(self, now_s: float) -> None:
        """Form anew the pairs of tracklets that have begun or ended since the last call."""
        if not self._changed:
            return
        changed = np.array(sorted(self.window.place_of[number] for number in self._changed), np.int64)
        self._changed = set()
        self._scale(changed)
        fresh = np.zeros(len(self.window), np.bool_)
        fresh[changed] = True
        stale = fresh[self.pairs.later] | fresh[self.pairs.earlier]
        formed = form_pairs(self.model, self.window, changed, now_s)
        touched = np.concatenate([self.pairs.later[stale], formed.later])
        self.pairs = self.pairs.at(~stale).joined(formed)
        self._store_pairs(np.unique(touched))

    def _scale(self, places: Ints) -> None:
        """Measure how alike the nearest neighbours of the tracklets at some places are."""
        found = neighbourhoods(self.window, places, scaled_cameras(self.model, self.window, places))
        self.window.set_neighbourhood(places, found)
        for place, row in zip(places.tolist(), found, strict=True):
            tracklet = msgspec.structs.replace(self.row(place), neighbourhood=row.tobytes())
            self.tracklets.put(_key(tracklet.number), tracklet)

    def decided_with(self, pairs: PairTable, mask: Ints) -> None:
        """Keep the similarities with which tracklets were settled: `pairs` are those at the places `mask`."""
        self.pairs.similarity[mask] = pairs.similarity
        self._store_pairs(np.unique(pairs.later))

    def _store_pairs(self, places: Ints) -> None:
        for place in places.tolist():
            key = _key(int(self.window.number[place]))
            row = self.pairs.row(place, self.window)
            if row is None:
                self._pair_rows.drop(key)
            elif self._pair_rows.get(key) != row:
                self._pair_rows.put(key, row)

    @property
    def learning_due_s(self) -> float:
        """When the tables are to be made anew."""
        learned_s = self.progress.learned_s
        if learned_s < 0:
            return LEARN_FROM_S
        return learned_s + float(np.clip(LEARN_AFTER * learned_s, LEARN_SOON_S, LEARN_EVERY_S))

    def learn(self, now_s: float) -> None:
        """Judge all links in memory again with what is known now, and count them anew."""
        self._let_past(now_s)
        window, pairs = self.window, self.pairs
        shut = window.shut
        asked = np.flatnonzero(shut[pairs.earlier] & shut[pairs.later])
        if len(asked) < FEWEST_PAIRS:
            self.advance(learned_s=now_s)
            self._remodel()
            return
        remembered = shut & (window.closed_s > now_s - self.memory_s)
        before = pairs.share.copy()
        # Probabilities by the tables, tables by the probabilities
        self.advance(learned_s=now_s)
        rounds = ROUNDS if now_s > YOUNG_S else ROUNDS_YOUNG
        for _ in range(min(rounds, max(1, JUDGED // len(asked)))):
            judged = pairs.at(asked)
            share = learning.probable(self.model, window, judged, self.gate_table(), now_s, self.bound(judged))
            pairs.share[:] = 0
            pairs.share[asked] = np.round(share, 3)
            ends, arrivals = learning.ends_and_arrivals(self.model, window, pairs, remembered, now_s)
            self.gates.count_alone(self._by_gate(ends, arrivals))
            calibration = learning.calibration_of(self._start, window, pairs.at(asked))
            self.advance(appearance=astuple(calibration))
            self._remodel()
        self._store_pairs(np.unique(pairs.later[pairs.share != before]))
        self._whiten(now_s)

    def _whiten(self, now_s: float) -> None:
        """Learn how sightings of one vehicle differ, from the probable links between cameras."""
        window, pairs = self.window, self.pairs
        between = window.camera[pairs.earlier] != window.camera[pairs.later]
        probable = pairs.at((pairs.share >= FROM_PROBABILITY) & between)
        for encoder, index in sorted(self._encoders.items()):
            if not self.whitening.due(encoder, now_s):
                continue
            own = probable.at(np.flatnonzero(window.encoder[probable.later] == index)[-LATEST:])
            if len(own):
                self.whitening.learn(encoder, self.centred(own.earlier) - self.centred(own.later), now_s)

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

    def gate_table(self) -> GateTable:
        """The gates as of the latest learning."""
        return self.gates.table(max(self.progress.learned_s, 0.0), HALF_LIFE_S)

    def _by_gate(self, ends: Floats, arrivals: Floats) -> Floats:
        """Sum endings (N,) and arrivals (N,) of the window's tracklets by their gates (G,)."""
        count, out = len(self.gates.rows), self.window.gate_out
        left = np.bincount(out[out >= 0], ends[out >= 0], count)
        return np.asarray(left + np.bincount(self.window.gate_in, arrivals, count), np.float64)

    def _remodel(self) -> None:
        """Make the tables from what is counted."""
        now_s = max(self.progress.learned_s, 0.0)
        elapsed_s = self.progress.past_elapsed_s + min(now_s, self.memory_s)
        gates = learning.gate_counts(self.window, self.pairs, self._past.counts(GATES, now_s), self.bins)
        self.model = self._model(*self.camera_counts(), gates, self.gate_table().alone, elapsed_s)

    def camera_counts(self, *, least: float = LEAST_LINKS) -> tuple[Floats, PairCounts]:
        """Links (C, C) from camera to camera, and travel times of the pairs that have at least so many."""
        past = self._past.counts(CAMERAS, max(self.progress.learned_s, 0.0))
        return learning.camera_counts(self.window, self.pairs, past, self.bins, len(self.cameras), least=least)

    def drop_other_bins(self) -> int:
        """Drop the counts of the past that the tables cannot be made from; their number."""
        return self._past.drop_other_bins()

    def past_model(self) -> LinkModel:
        """The tables by what has left the memory alone, for comparing the present with; without gates."""
        now_s = max(self.progress.learned_s, 0.0)
        past = self._past.counts(CAMERAS, now_s)
        counted = learning.camera_counts(self.window, PairTable.none(), past, self.bins, len(self.cameras))
        alone = self.gates.past_alone(now_s, HALF_LIFE_S)
        return self._model(*counted, PairCounts.none(self.bins.count), alone, self.progress.past_elapsed_s)

    def _model(
        self, links: Floats, cameras: PairCounts, gates: PairCounts, alone: Floats, elapsed_s: float
    ) -> LinkModel:
        rows = [self.gates.rows[name] for name in self.gates.rows.names]
        camera = np.array([row.camera for row in rows], np.int64)
        outgoing = np.array([row.outgoing for row in rows], np.bool_)
        ends, arrivals = (
            np.bincount(camera[way], alone[way], len(self.cameras)).astype(np.float64) for way in (outgoing, ~outgoing)
        )
        counts = Counts(links=links, cameras=cameras, gates=gates, ends=ends, arrivals=arrivals, elapsed_s=elapsed_s)
        learned = self.progress.appearance
        calibration = self._start if learned is None else Calibration(*learned)
        return LinkModel(self.bins, counts, self._topology.priors(self.camera_names), calibration)

    # Forgetting

    def take_forgotten(self) -> list[tuple[int, Link]]:
        """The tracklets that were forgotten since the last call, by number, with their links."""
        forgotten, self._forgotten = self._forgotten, []
        return forgotten

    def _let_past(self, now_s: float) -> None:
        """Move what has left the memory into the counts of the past."""
        window, pairs = self.window, self.pairs
        gone_s = now_s - self.memory_s
        left = window.shut & (window.closed_s <= gone_s)
        latest_s = self.progress.learned_s - self.memory_s
        fresh = left & (window.closed_s > latest_s)
        if gone_s > 0:
            weight = float(faded(max(self.progress.learned_s, 0.0), now_s))
            elapsed_s = self.progress.past_elapsed_s * weight + gone_s - max(latest_s, 0.0)
            self.advance(past_elapsed_s=elapsed_s)
        if fresh.any():
            ends, arrivals = learning.ends_and_arrivals(self.model, window, pairs, fresh, now_s)
            self.gates.add_past(self._by_gate(ends, arrivals), now_s, HALF_LIFE_S)
        # What has stood in view for that long is settled: its pairs teach nothing, and keep nobody.
        stood = ~window.shut & window.settled & (window.opened_s <= gone_s)
        leaving = (left | stood)[pairs.later]
        if leaving.any():
            gone = pairs.at(leaving & (pairs.share > 0))
            none, cameras = PairCounts.none(self.bins.count), len(self.cameras)
            _, counted = learning.camera_counts(window, gone, none, self.bins, cameras, least=0.0)
            self._past.add(CAMERAS, counted, now_s)
            self._past.add(GATES, learning.gate_counts(window, gone, none, self.bins), now_s)
            self.pairs = pairs.at(~leaving)
            self._store_pairs(np.unique(pairs.later[leaving]))  # else a restart would count them once more
        free = window.settled & left & (window.taken | (window.leave_s < now_s - self._topology.horizon_s - 60))
        needed = np.zeros(len(window), np.bool_)
        needed[self.pairs.earlier] = True
        self._forget(~free | needed)

    def _forget(self, kept: NDArray[np.bool_]) -> None:
        if kept.all():
            return
        numbers = self.window.number[~kept].tolist()
        touched = np.zeros(len(self.window), np.bool_)
        touched[self.pairs.later[~kept[self.pairs.earlier]]] = True
        links = [(number, self.links.get(_key(number))) for number in numbers]
        self._forgotten += [(number, link) for number, link in links if link is not None]
        for number in numbers:
            self._number_of.pop(self.tracklets[_key(number)].id, None)
            self._changed.discard(number)
            for table in (self.tracklets, self.links, self._pair_rows):
                table.drop(_key(number))
        for name in self.bonds.names:
            bond = self.bonds[name]
            if bond.earlier in numbers or bond.later in numbers:
                self.bonds.drop(name)
        moved = self.window.keep(np.flatnonzero(kept).tolist())
        self.pairs = self.pairs.moved(moved)
        places = moved[np.flatnonzero(touched)]
        self._store_pairs(places[places >= 0])


def _key(number: int) -> str:
    return f"{number:010d}"
