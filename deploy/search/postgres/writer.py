"""The one writer of an index in PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from associate.sightings.sighting import Sighting
from associate.trajectory import TrajectoryEvent
from deploy.search.index.catalogue import Numbers, among
from deploy.search.index.identities import follow_events, take_awaited
from deploy.search.index.means import add_to_means
from deploy.search.index.writer import DAY_NS, GB, WriterBusyError
from deploy.search.postgres.database import TABLES, Database
from deploy.search.settings import SearchSettings
from embed.observation import CameraEpoch, Observation
from ingest.errors import ConfigError, CorridorError

LOCK = 0x636F7272
"""Number of the advisory lock that the one writer of a database holds for as long as it is connected."""

INDEXED_FROM = 32_768
"""Sightings of one encoder from which they get an HNSW index: before, to compare all of them is as fast, and right."""

ROW_BYTES = 600
"""Bytes of a sighting on disk besides its vector, which is there twice: in the table and in its index."""

_COPY = (
    "COPY sightings (tracklet, encoder, camera, label, colour, first_ns, last_ns, appended_ns, quality, colour_score, "
    "identity, vector) FROM STDIN (FORMAT BINARY)"
)
_TYPES = ("text", "int4", "int4", "int4", "int4", "int8", "int8", "int8", "float8", "float8", "text", "halfvec")


class PostgresWriter:
    """Writer of an index in PostgreSQL; raises ConfigError where another process writes to it.

    indexed_from: sightings of an encoder from which an HNSW index is built. counts: as of `IndexWriter`.
    """

    def __init__(self, settings: SearchSettings, *, indexed_from: int = INDEXED_FROM) -> None:
        assert settings.url is not None
        self._settings, self._indexed_from = settings, indexed_from
        self.counts: Counter[str] = Counter()
        self._database = Database.with_index(settings.url, must_exist=False)
        ((free,),) = self._database.select("SELECT pg_try_advisory_lock(?)", LOCK)
        if not free:
            name = self._database.name
            self._database.close()
            raise WriterBusyError(f"another process writes to the sightings index in {name}; stop one")

    def position(self, topic: str) -> int:
        """Offset of the last record of a topic that the index has taken in."""
        rows = self._database.select("SELECT position FROM positions WHERE topic = ?", topic)
        return int(rows[0][0]) if rows else 0

    def epochs(self) -> dict[str, CameraEpoch]:
        """By camera: the epoch of its latest message that was taken in."""
        return {camera: CameraEpoch(*epoch) for camera, *epoch in self._database.select("SELECT * FROM epochs")}

    def take(
        self,
        sightings: Sequence[Sighting],
        events: Iterable[TrajectoryEvent],
        positions: Mapping[str, int],
        forgotten: Sequence[str] = (),
        epochs: Mapping[str, CameraEpoch] | None = None,
    ) -> None:
        """As `IndexWriter.take`."""
        with self._database.transaction() as db:
            counts = self._insert(db, sightings)
            follow_events(db, events)
            db.executemany("INSERT INTO forgotten VALUES (?) ON CONFLICT DO NOTHING", [(each,) for each in forgotten])
            db.executemany("DELETE FROM awaited WHERE tracklet = ?", [(each,) for each in forgotten])
            counts["deleted"] = self._delete(db, forgotten)
            db.executemany(
                "INSERT INTO positions VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET position = excluded.position",
                list(positions.items()),
            )
            db.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?) ON CONFLICT (camera) DO UPDATE "
                "SET generation = excluded.generation, session = excluded.session",
                [(camera, epoch.generation, epoch.session) for camera, epoch in (epochs or {}).items()],
            )
            db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
        self.counts += counts
        if forgotten:
            self._database.vacuum()

    def replace(self, sightings: Sequence[Sighting]) -> None:
        """Put sightings in the place of those of the same tracklets, all or nothing: by another encoder."""
        with self._database.transaction() as db:
            self._delete(db, [each.tracklet for each in sightings])
            self._insert(db, sightings)
            db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")

    def _insert(self, db: Database, sightings: Sequence[Sighting]) -> Counter[str]:
        """Insert those that are new; of one tracklet the first counts."""
        counts: Counter[str] = Counter()
        if not sightings:
            return counts
        tracklets = list(dict.fromkeys(each.tracklet for each in sightings))
        known, forgotten = (among(db, table, tracklets) for table in ("sightings", "forgotten"))
        from pgvector import HalfVector

        awaited, numbers = take_awaited(db, tracklets), Numbers(db)
        rows, added = [], []
        for each in sightings:
            if each.tracklet in known or each.tracklet in forgotten:
                counts["known" if each.tracklet in known else "forgotten"] += 1
                continue
            known.add(each.tracklet)
            encoder, camera = numbers("encoder", each.encoder), numbers("camera", each.camera)
            label, colour = numbers("label", each.label), numbers("colour", each.colour)
            vector = HalfVector(np.frombuffer(each.vector, "<f2"))
            identity = awaited.get(each.tracklet, each.identity)
            times = each.first_ns, each.last_ns, each.appended_ns
            rows.append(
                (
                    each.tracklet,
                    encoder,
                    camera,
                    label,
                    colour,
                    *times,
                    each.quality,
                    each.colour_score,
                    identity,
                    vector,
                )
            )
            added.append((encoder, camera, np.frombuffer(each.vector, "<f2")))
            counts["taken"] += 1
        db.copy(_COPY, _TYPES, rows)
        add_to_means(db, added)
        for encoder, dim in {encoder: len(vector) for encoder, _, vector in added}.items():
            self._index(db, encoder, dim)
        return counts

    def _index(self, db: Database, encoder: int, dim: int) -> None:
        """Build the index of an encoder's vectors, as soon as there are enough of them."""
        name = index_name(encoder)
        if db.execute("SELECT 1 FROM pg_indexes WHERE indexname = ?", (name,)).fetchone():
            return
        enough = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM sightings WHERE encoder = ? LIMIT ?) AS enough",
            (encoder, self._indexed_from),
        ).fetchone()
        if enough[0] >= self._indexed_from:
            db.execute(
                f"CREATE INDEX {name} ON sightings USING hnsw ((vector::halfvec({dim})) halfvec_ip_ops) "
                f"WHERE encoder = {encoder}"
            )

    def _delete(self, db: Database, tracklets: Sequence[str]) -> int:
        """Delete tracklets; returns how many there were."""
        gone = 0
        for tracklet in tracklets:
            row = db.execute(
                "DELETE FROM sightings WHERE tracklet = ? RETURNING encoder, camera, vector", (tracklet,)
            ).fetchone()
            if row is not None:
                encoder, camera, vector = row
                add_to_means(db, [(encoder, camera, vector.to_numpy())], sign=-1)
                gone += 1
        return gone

    def mend(self, log_observations: Callable[[], Iterable[Observation]]) -> int:
        """Raise ConfigError: PostgreSQL looks after its own files."""
        raise ConfigError("--check is for an index in a folder; PostgreSQL looks after its own files (pg_amcheck)")

    def retire(self, now_ns: int) -> int:
        """Delete the oldest sightings that are too old, or too many; returns how many have gone."""
        oldest_ns = now_ns - round(self._settings.keep_days * DAY_NS)
        with self._database.transaction() as db:
            gone = db.execute("DELETE FROM sightings WHERE appended_ns < ?", (oldest_ns,)).rowcount
            count, widest = db.execute("SELECT count(*), max(vector_dims(vector)) FROM sightings").fetchone()
            too_many = count - int(self._settings.max_gb * GB / (4 * (widest or 1) + ROW_BYTES))
            if too_many > 0:
                gone += db.execute(
                    "DELETE FROM sightings WHERE id IN (SELECT id FROM sightings ORDER BY appended_ns, id LIMIT ?)",
                    (too_many,),
                ).rowcount
            if gone:
                db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
        return int(gone)

    def close(self) -> None:
        # The server notices some time later that a connection is gone; the next writer does not have to wait for that.
        with suppress(CorridorError):
            self._database.select("SELECT pg_advisory_unlock(?)", LOCK)
        self._database.close()


def index_name(encoder: int) -> str:
    """The index of an encoder's vectors."""
    return f"vectors_{encoder}"


def remove_index(url: str) -> None:
    """Delete an index, so that it is made anew; raises ConfigError where a process writes to it."""
    database = Database(url)
    try:
        ((free,),) = database.select("SELECT pg_try_advisory_lock(?)", LOCK)
        if not free:
            raise WriterBusyError(f"another process writes to the sightings index in {database.name}; stop one")
        with database.transaction() as db:
            db.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")
    finally:
        database.close()
