"""The sightings of one encoder in memory, and the plan by which they are searched."""

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from associate.sightings.columns import GONE, ROW, Columns, NumberedFilter, Rows
from associate.sightings.similarity import normalised
from associate.sightings.space import CodeIndex, Space
from deploy.search.index import segment_files
from deploy.search.index.catalogue import SEGMENT_BITS, SEGMENT_ROWS, ids_of
from deploy.search.index.libraries import has_faiss
from deploy.search.index.segment_files import SegmentName
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]

EXACT_UP_TO = 100_000
"""Sightings without codes that are searched, exactly: 300 MB of memory, 35 ms."""

NARROW = 2_000
"""Sightings that a filter admits, up to which all of them are compared: about as fast as codes, and right."""

CANDIDATES = 400
"""Sightings whose codes are nearest, of which the vectors are compared."""

VISITED = 48
"""Of 1,024 centres; more under filters, which leave less in each."""
VISITED_AT_MOST = 384

State = tuple[SegmentName, int, int, int | None]
"""A segment in the catalogue: name, rows, sealed, checksum of its codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Ids (N,), cosines (N,), vectors (N, D) of norm 1 and camera numbers (N,) of sightings, the nearest first.

    exact: everything admitted was compared.
    """

    ids: Ints
    cosines: Vectors
    vectors: Vectors
    cameras: Ints
    exact: bool

    def joined(self, other: "Found") -> "Found":
        """These, then those of another search that are not among them."""
        new = ~np.isin(other.ids, self.ids)
        return Found(
            np.concatenate([self.ids, other.ids[new]]),
            np.concatenate([self.cosines, other.cosines[new]]),
            np.concatenate([self.vectors, other.vectors[new]]),
            np.concatenate([self.cameras, other.cameras[new]]),
            self.exact,
        )


@dataclass(slots=True, eq=False)
class _Segment:
    """One segment in memory: where its places begin, and its vectors: mapped halves, or floats as far as uncoded."""

    name: SegmentName
    begin: int
    rows: int
    sealed: bool
    vectors: NDArray[np.floating]
    coded: bool = False


class Partition:
    """Sightings of one encoder. A place is a sighting's number here, in the order in which segments were loaded."""

    def __init__(self, folder: Path, encoder: int) -> None:
        self._folder, self._encoder = folder, encoder
        self._columns = Columns()
        self._segments: dict[int, _Segment] = {}
        self._begins = np.empty(0, np.int64)
        self._numbers = np.empty(0, np.int64)
        self._space: Space | None = None
        self._codes: CodeIndex | None = None
        self._alive = 0

    def __len__(self) -> int:
        return self._alive

    @property
    def coded(self) -> int:
        """Sightings that have codes."""
        return 0 if self._codes is None else len(self._codes)

    # Up to date

    def update(self, db: sqlite3.Connection, states: Sequence[State]) -> None:
        """Take in segments that are new, longer, sealed, coded or replaced, and drop those that are gone."""
        kept = {name.number for name, *_ in states}
        for number in [number for number in self._segments if number not in kept]:
            self._drop(self._segments.pop(number))
        for name, rows, sealed, checksum in states:
            known = self._segments.get(name.number)
            fresh = known is None or known.name != name or known.rows != rows or known.sealed != bool(sealed)
            if fresh:
                self._load(db, name, rows, bool(sealed))
            if checksum is not None and has_faiss() and not self._segments[name.number].coded:
                self._load_codes(self._segments[name.number], checksum)
        held = sorted(self._segments.values(), key=lambda each: each.begin)
        self._begins = np.array([each.begin for each in held], np.int64)
        self._numbers = np.array([each.name.number for each in held], np.int64)
        self._alive = int(self._columns.alive().sum()) if len(self._columns) else 0

    def _load(self, db: sqlite3.Connection, name: SegmentName, rows: int, sealed: bool) -> None:
        known = self._segments.get(name.number)
        begin, start = (len(self._columns), 0) if known is None else (known.begin, 0)
        if sealed:
            table = segment_files.read_rows(self._folder, name, rows)
            vectors: NDArray[np.floating] = segment_files.map_vectors(self._folder, name, rows)
        else:
            # Of an open segment that has only grown, what is new.
            start = known.rows if known is not None and known.name == name else 0
            table, vectors = _open_rows(db, name.number, start, rows)
            if known is not None and start:
                # Zeros where all that was there has been deleted: how long its vectors were is not known any more.
                before = (
                    known.vectors if known.vectors.shape[1] == vectors.shape[1] else np.zeros((start, vectors.shape[1]))
                )
                vectors = np.concatenate([before, vectors]).astype(np.float32) if len(vectors) else known.vectors
        if known is None:
            # The places of a whole segment at once, so that it can grow.
            self._columns.add(_gone(SEGMENT_ROWS))
        elif known.coded and self._codes is not None:
            removed = np.flatnonzero((table["camera"] == GONE) & (self._camera(known) != GONE)) + begin
            self._codes.remove(removed)
        self._columns.put(begin + start, table)
        coded = known is not None and known.coded
        self._segments[name.number] = _Segment(name, begin, rows, sealed, vectors, coded)

    def _camera(self, segment: _Segment) -> Ints:
        return self._columns["camera"][segment.begin : segment.begin + segment.rows]

    def _load_codes(self, segment: _Segment, checksum: int) -> None:
        codes = segment_files.read_codes(self._folder, segment.name, segment.rows, checksum)
        if codes is None:
            logger.warning(
                "%s is gone or damaged; its sightings are searched without codes (corridor index FILE mends it)",
                segment.name.file(self._folder, "codes"),
            )
            return
        if self._space is None or self._codes is None:
            self._space = Space.restored(segment_files.read_space(self._folder, self._encoder))
            self._codes = self._space.new_index()
        alive = np.flatnonzero(self._camera(segment) != GONE)
        self._codes.add(codes[alive], alive + segment.begin)
        segment.coded = True
        segment.vectors = segment_files.map_vectors(self._folder, segment.name, segment.rows)

    def _drop(self, segment: _Segment) -> None:
        if segment.coded and self._codes is not None:
            self._codes.remove(np.arange(segment.begin, segment.begin + segment.rows))
        self._columns.put(segment.begin, _gone(segment.rows))

    # Searching

    def admitted(self, wanted: NumberedFilter | None) -> int:
        """Number of sightings that a filter admits."""
        return self._alive if wanted is None else int(self._columns.admitted(wanted).sum())

    def spread(self, wanted: NumberedFilter | None, cameras: int) -> tuple[Ints, int]:
        """Of what a filter admits: counts (C,) by camera number, and the nanoseconds from the first to the last."""
        mask = self._columns.alive() if wanted is None else self._columns.admitted(wanted)
        times = self._columns["first_ns"][mask]
        counts = np.bincount(self._columns["camera"][mask], minlength=cameras)
        return counts, int(times.max() - times.min()) if len(times) else 0

    def sample(self, count: int) -> tuple[Vectors, Ints]:
        """Vectors (N, D) and camera numbers (N,) of up to `count` sightings, evenly over all."""
        alive = np.flatnonzero(self._columns.alive())
        places = alive[:: max(1, -(-len(alive) // count))]
        return normalised(self._gather(places)), self._columns["camera"][places].astype(np.int64)

    def nearest(self, query: Vectors, wanted: NumberedFilter | None, count: int) -> Found:
        """The `count` sightings next to a vector (D,); raises ConfigError for too many without codes."""
        mask = None if wanted is None else self._columns.admitted(wanted)
        admitted = self._alive if mask is None else int(mask.sum())
        # Step 1: under a narrow filter compare everything
        if mask is not None and admitted <= NARROW:
            return self._best(query, np.flatnonzero(mask), count, exact=True)
        # Step 2: candidates by their codes, of more centres where the filter leaves less in each
        candidates = []
        if self._codes is not None and len(self._codes):
            share = admitted / max(self._alive, 1)
            visited = min(round(VISITED / max(share, 1e-6) ** 0.5), VISITED_AT_MOST)
            candidates.append(self._codes.nearest(query, max(CANDIDATES, 2 * count), visited, mask))
        # Step 3: what has no codes yet, exactly
        uncoded = [each for each in self._segments.values() if not each.coded]
        rows = sum(each.rows for each in uncoded)
        if rows > EXACT_UP_TO:
            raise ConfigError(
                f"{rows} sightings have no codes, and more than {EXACT_UP_TO} are not searched without: "
                "pip install 'corridor[search]', then corridor index FILE"
            )
        candidates += [self._scan(query, each, mask, count) for each in uncoded]
        places = np.concatenate(candidates) if candidates else np.empty(0, np.int64)
        return self._best(query, places, count, exact=not self.coded)

    def _scan(self, query: Vectors, segment: _Segment, mask: NDArray[np.bool_] | None, count: int) -> Ints:
        """Places of the best of a segment without codes."""
        admitted = self._camera(segment) != GONE
        if mask is not None:
            admitted &= mask[segment.begin : segment.begin + segment.rows]
        if not admitted.any():
            return np.empty(0, np.int64)
        if segment.vectors.dtype != np.float32:  # once: halves are slow to multiply
            segment.vectors = np.asarray(segment.vectors, np.float32)
        cosines = np.where(admitted, segment.vectors @ query, -2)
        most = min(count, int(admitted.sum()))
        return np.asarray(np.argpartition(-cosines, most - 1)[:most] + segment.begin, np.int64)

    def _best(self, query: Vectors, places: Ints, count: int, *, exact: bool) -> Found:
        """The best of some places by their vectors; of equal ones the earlier first."""
        places = np.sort(places)
        vectors = self._gather(places)
        cosines = vectors @ query / np.maximum(np.sqrt(np.einsum("nd,nd->n", vectors, vectors)), 1e-6)
        best = np.argsort(-cosines, kind="stable")[:count]
        cameras = self._columns["camera"][places[best]].astype(np.int64)
        return Found(self._ids(places[best]), cosines[best], normalised(vectors[best]), cameras, exact)

    def _gather(self, places: Ints) -> Vectors:
        """Vectors (N, D) of places in rising order, as they were stored."""
        if not len(places):
            return np.empty((0, next(iter(self._segments.values())).vectors.shape[1]), np.float32)
        held = np.searchsorted(self._begins, places, "right") - 1
        bounds = np.flatnonzero(np.diff(held, prepend=-1, append=-1))
        parts = []
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            segment = self._segments[int(self._numbers[held[start]])]
            parts.append(segment.vectors[places[start:end] - segment.begin])
        return np.concatenate(parts).astype(np.float32)

    def _ids(self, places: Ints) -> Ints:
        held = np.searchsorted(self._begins, places, "right") - 1
        return np.asarray((self._numbers[held] << SEGMENT_BITS) + places - self._begins[held], np.int64)

    def stored_vector(self, sighting: int) -> bytes:
        """The vector of a sighting, little-endian fp16."""
        vectors = self._segments[sighting >> SEGMENT_BITS].vectors
        return np.asarray(vectors[sighting % SEGMENT_ROWS], "<f2").tobytes()

    def has(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some sightings (N,) are in it, as far as it is up to date."""
        rows = {number: segment.rows for number, segment in self._segments.items()}
        return np.array([each % SEGMENT_ROWS < rows.get(each >> SEGMENT_BITS, 0) for each in ids.tolist()], np.bool_)

    def vectors_of(self, ids: Sequence[int]) -> Vectors:
        """Vectors (N, D) of sightings by their ids, of norm 1."""
        rows = []
        for each in ids:
            segment = self._segments[each >> SEGMENT_BITS]
            rows.append(np.asarray(segment.vectors[each % SEGMENT_ROWS], np.float32))
        return normalised(np.stack(rows))


def _gone(count: int) -> Rows:
    """Rows (count,) that no filter admits."""
    rows = np.zeros(count, ROW)
    rows["camera"] = GONE
    return rows


def _open_rows(db: sqlite3.Connection, number: int, start: int, end: int) -> tuple[Rows, Vectors]:
    """Rows and vectors (end - start, D) of an open segment from a place on."""
    first, last = ids_of(number)[0] + start, ids_of(number)[1]
    table = _gone(end - start)
    for sighting, *values in db.execute(
        "SELECT id, first_ns, last_ns, camera, label, colour FROM sightings WHERE id BETWEEN ? AND ?", (first, last)
    ):
        table[sighting - first] = tuple(values)
    packed = db.execute("SELECT id, vector FROM vectors WHERE id BETWEEN ? AND ?", (first, last)).fetchall()
    if not packed:
        return table, np.zeros((0 if start else end, 1), np.float32)
    vectors = np.zeros((end - start, len(packed[0][1]) // 2), np.float32)
    for sighting, vector in packed:
        vectors[sighting - first] = np.frombuffer(vector, "<f2")
    return table, vectors
