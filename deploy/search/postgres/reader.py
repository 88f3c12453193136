"""Readers of an index in PostgreSQL: what `SightingsIndex` is for one in a folder."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter
from associate.sightings.similarity import CameraMeans, normalised
from deploy.search.index.catalogue import names_of
from deploy.search.index.means import read_means
from deploy.search.index.partition import NARROW, Found
from deploy.search.index.reader import IndexedSighting, IndexSize, described, no_such_encoder
from deploy.search.postgres.database import Database
from deploy.search.postgres.writer import index_name

Known = TypeVar("Known")
Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]

EF_SEARCH = 400
"""Candidates that a search of an HNSW index keeps; more under filters, as far as pgvector scans on by itself."""

SCANNED = 20_000
"""Rows that pgvector looks at in one search before it gives up (hnsw.max_scan_tuples)."""

KINDS = ("encoder", "camera", "label", "colour")
_DESCRIBED = "id, tracklet, camera, label, colour, first_ns, last_ns, quality, colour_score, identity"


class PostgresIndex:
    """The index in a database, for one thread at a time; raises ConfigError where there is none."""

    def __init__(self, url: str) -> None:
        self._database = Database.with_index(url, must_exist=True)
        self._version: int | None = None
        self._known: dict[str, Any] = {}
        self._names: dict[str, dict[int, str]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take in what the writer has done."""
        ((version,),) = self.select("SELECT value FROM meta WHERE key = 'version'")
        if version == self._version:
            return
        self._known.clear()
        with self._database.transaction() as db:
            self._names = {kind: names_of(db, kind) for kind in KINDS}
        self._numbers = {kind: {name: number for number, name in of.items()} for kind, of in self._names.items()}
        self._version = int(version)

    def known(self, name: str, learn: Callable[[], Known]) -> Known:
        """Something that was learned from the index as it is now; learned anew after a change."""
        if name not in self._known:
            self._known[name] = learn()
        known: Known = self._known[name]
        return known

    @property
    def encoders(self) -> dict[str, IndexSize]:
        """By encoder: how much there is of it; `coded` are those in an HNSW index."""
        ((identities,),) = self.select("SELECT count(DISTINCT identity) FROM sightings")
        counts = self.select("SELECT encoder, count(*) FROM sightings GROUP BY encoder ORDER BY encoder")
        return {
            self._names["encoder"][number]: IndexSize(count, count if self._has_index(number) else 0, identities)
            for number, count in counts
        }

    def nearest(self, encoder: str, query: Vectors, wanted: Filter, count: int) -> Found:
        """The `count` sightings next to a vector (D,) of norm 1, among those that a filter admits.

        Raises ConfigError where the index has no sightings by the encoder.
        """
        number = self._number(encoder)
        where, values = self._where(number, wanted)
        narrow = not self._has_index(number) or self._is_narrow(encoder, wanted, count)
        from pgvector import HalfVector

        cast = f"halfvec({len(query)})"
        with self._database.transaction() as db:
            # Exact search sorts what the filter admits; the other settings keep an index from giving too few.
            db.execute(f"SET LOCAL enable_indexscan = {'off' if narrow else 'on'}")
            db.execute(f"SET LOCAL hnsw.ef_search = {max(EF_SEARCH, min(2 * count, 1000))}")
            db.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            db.execute(f"SET LOCAL hnsw.max_scan_tuples = {SCANNED}")
            rows = db.execute(
                f"SELECT id, vector, camera FROM sightings {where} ORDER BY vector::{cast} <#> ?::{cast} LIMIT ?",
                (*values, HalfVector(query), count),
            ).fetchall()
        vectors = _matrix([vector for _, vector, _ in rows], len(query))
        cosines = vectors @ query / np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
        best = np.argsort(-cosines, kind="stable")
        ids = np.array([sighting for sighting, _, _ in rows], np.int64)
        cameras = np.array([camera for _, _, camera in rows], np.int64)
        return Found(ids[best], cosines[best], normalised(vectors[best]), cameras[best], narrow)

    def _is_narrow(self, encoder: str, wanted: Filter, count: int) -> bool:
        """True where a filter admits so few that an index, which scans so many at most, might not find enough."""
        if wanted.empty:
            return False
        every = self.known(f"count of {encoder}", lambda: self.admitted(encoder, Filter()))
        admitted = self.admitted(encoder, wanted)
        return admitted <= NARROW or admitted * SCANNED < 2 * count * every

    def admitted(self, encoder: str, wanted: Filter) -> int:
        """Number of sightings that a filter admits."""
        where, values = self._where(self._number(encoder), wanted)
        ((count,),) = self.select(f"SELECT count(*) FROM sightings {where}", *values)
        return int(count)

    def spread(self, encoder: str, wanted: Filter) -> tuple[Ints, int]:
        """Of what a filter admits: how many by camera number (C,), and the nanoseconds over which they come."""
        where, values = self._where(self._number(encoder), wanted)
        rows = self.select(
            f"SELECT camera, count(*), min(first_ns), max(first_ns) FROM sightings {where} GROUP BY camera", *values
        )
        counts = np.zeros(self.cameras_end, np.int64)
        for camera, count, _, _ in rows:
            counts[camera] = count
        return counts, max(row[3] for row in rows) - min(row[2] for row in rows) if rows else 0

    def sample(self, encoder: str, count: int) -> tuple[Vectors, Ints]:
        """Vectors (N, D) and camera numbers (N,) of up to `count` sightings, evenly over all."""
        number = self._number(encoder)
        ((first, last),) = self.select("SELECT min(id), max(id) FROM sightings WHERE encoder = ?", number)
        ids = np.unique(np.linspace(first, last, count).astype(np.int64)).tolist()
        rows = self.select("SELECT vector, camera FROM sightings WHERE encoder = ? AND id = ANY(?)", number, ids)
        vectors = _matrix([vector for vector, _ in rows], 1)
        return normalised(vectors), np.array([camera for _, camera in rows], np.int64)

    @property
    def cameras_end(self) -> int:
        """A number above that of every camera."""
        return max(self._names["camera"], default=0) + 1

    def vectors(self, encoder: str, ids: Sequence[int]) -> Vectors:
        """Vectors (N, D) of sightings, of norm 1; zeros for one that has been deleted meanwhile."""
        found = dict(self.select("SELECT id, vector FROM sightings WHERE id = ANY(?)", list(ids)))
        stored = _matrix([found[each] for each in ids if each in found], 1)
        vectors = np.zeros((len(ids), stored.shape[1]), np.float32)
        vectors[[each in found for each in ids]] = stored
        return normalised(vectors)

    def made_by(self, encoder: str, ids: Ints) -> NDArray[np.bool_]:
        """Which of some sightings (N,) have a vector by the encoder."""
        number = self._number(encoder)
        rows = self.select("SELECT id FROM sightings WHERE encoder = ? AND id = ANY(?)", number, ids.tolist())
        return np.isin(ids, [sighting for (sighting,) in rows])

    def stored_vector(self, sighting: int) -> bytes:
        """The vector of a sighting as it stands in the index, little-endian fp16."""
        ((vector,),) = self.select("SELECT vector FROM sightings WHERE id = ?", sighting)
        return np.asarray(vector.to_numpy(), "<f2").tobytes()

    def means(self, encoder: str) -> CameraMeans:
        """Mean vectors of the cameras, for reading similarities; by the numbers of `camera_numbers`."""
        with self._database.transaction() as db:
            return read_means(db, self._numbers["encoder"][encoder])

    def camera_numbers(self, cameras: Iterable[str]) -> Ints:
        """Numbers (N,) of cameras; -1 for one that the index does not know."""
        return np.array([self._numbers["camera"].get(camera, -1) for camera in cameras], np.int64)

    def sightings(self, ids: Sequence[int]) -> dict[int, IndexedSighting]:
        """By id: the sightings that are still there."""
        return {each.id: each for each in self._described("WHERE id = ANY(?)", list(ids))}

    def of_identities(self, identities: Sequence[str]) -> list[IndexedSighting]:
        """All sightings of some identities, by time."""
        found = self._described("WHERE identity = ANY(?)", list(identities))
        return sorted(found, key=lambda each: (each.first_ns, each.tracklet))

    def of_tracklet(self, tracklet: str) -> IndexedSighting | None:
        """The sighting of a tracklet."""
        return next(iter(self._described("WHERE tracklet = ?", tracklet)), None)

    def encoder_of(self, sighting: int) -> str:
        """The encoder of a sighting."""
        ((number,),) = self.select("SELECT encoder FROM sightings WHERE id = ?", sighting)
        return self._names["encoder"][number]

    def select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query over the sightings."""
        return self._database.select(statement, *values)

    def _described(self, where: str, *values: object) -> list[IndexedSighting]:
        return described(self.select(f"SELECT {_DESCRIBED} FROM sightings {where}", *values), self._names)

    def _has_index(self, number: int) -> bool:
        found = self.select("SELECT 1 FROM pg_indexes WHERE indexname = ?", index_name(number))
        return bool(found)

    def _number(self, encoder: str) -> int:
        """The number of an encoder; raises ConfigError where nothing is there by it."""
        number = self._numbers["encoder"].get(encoder)
        if number is None or not self.select("SELECT 1 FROM sightings WHERE encoder = ? LIMIT 1", number):
            raise no_such_encoder(encoder, self.encoders)
        return number

    def _where(self, encoder: int, wanted: Filter) -> tuple[str, list[object]]:
        """The condition of a filter; the encoder as a number in it, so that the encoder's index serves."""
        conditions, values = [f"encoder = {encoder}"], list[object]()
        if wanted.since_ns is not None:
            conditions.append("last_ns >= ?")
            values.append(wanted.since_ns)
        if wanted.until_ns is not None:
            conditions.append("first_ns <= ?")
            values.append(wanted.until_ns)
        for kind, names in (("camera", wanted.cameras), ("label", wanted.labels), ("colour", wanted.colours)):
            if names:
                conditions.append(f"{kind} = ANY(?)")
                values.append([self._numbers[kind].get(name, -1) for name in names])
        return f"WHERE {' AND '.join(conditions)}", values

    def close(self) -> None:
        self._database.close()


def _matrix(vectors: Sequence[Any], dim: int) -> Vectors:
    """(N, D) of what pgvector gives."""
    if not vectors:
        return np.empty((0, dim), np.float32)
    return np.stack([vector.to_numpy() for vector in vectors]).astype(np.float32)
