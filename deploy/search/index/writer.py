"""The one writer of an index: takes sightings in, has full segments sealed, and deletes."""

import fcntl
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from associate.sightings.sighting import Sighting
from associate.trajectory import TrajectoryEvent
from deploy.search.index import segment_files
from deploy.search.index.catalogue import FILE, SEGMENT_BITS, SEGMENT_ROWS, Catalogue, Numbers, among, ids_of
from deploy.search.index.identities import follow_events, take_awaited
from deploy.search.index.means import add_to_means
from deploy.search.index.mending import damaged_segments, mend_segments
from deploy.search.index.places import OpenPlaces
from deploy.search.index.sealing import Sealer
from deploy.search.index.segment_files import SegmentName
from deploy.search.settings import SearchSettings
from embed.observation import CameraEpoch, Observation
from ingest.clock import NS
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

LOCK = "lock"
DAY_NS = 86_400 * NS
GB = 1e9


class WriterBusyError(ConfigError):
    """Another process writes to the index."""


class IndexWriter:
    """Writer of the index in a folder; raises ConfigError where another process writes to it.

    coded: faiss is there, so that sealed segments get codes. counts: sightings `taken`, `known` already, `forgotten`
    before they came, and `deleted`.
    """

    def __init__(self, settings: SearchSettings, *, coded: bool) -> None:
        self.folder = Path(settings.folder)
        self._settings = settings
        self.counts: Counter[str] = Counter()
        self._lock = _locked(self.folder)
        self.catalogue = Catalogue(self.folder)
        known = {SegmentName(*row) for row in self.catalogue.select("SELECT number, revision FROM segments")}
        if gone := segment_files.remove_strangers(self.folder, known):
            logger.info("%d files that a killed process had left in the sightings index are deleted", gone)
        self._sealer = Sealer(self.catalogue, coded=coded)
        self._sealer.renew_codes()
        self._sealer.seal()

    def take(
        self,
        sightings: Sequence[Sighting],
        events: Iterable[TrajectoryEvent],
        positions: Mapping[str, int],
        forgotten: Sequence[str] = (),
        epochs: Mapping[str, CameraEpoch] | None = None,
    ) -> None:
        """Take in sightings, then what was said of them, then delete forgotten tracklets: all or nothing.

        positions: by topic, of the last record. epochs: by camera, of its latest message.
        """
        with self.catalogue.transaction() as db:
            counts = self._insert(db, sightings)
            follow_events(db, events)
            db.executemany("INSERT OR IGNORE INTO forgotten VALUES (?)", [(each,) for each in forgotten])
            db.executemany("DELETE FROM awaited WHERE tracklet = ?", [(each,) for each in forgotten])
            useless, counts["deleted"] = self._delete(db, forgotten)
            db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())
            db.executemany("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)", _rows(epochs or {}))
        self.counts += counts
        self._tidy(useless)
        if forgotten and not self.catalogue.scrub():
            logger.info("somebody reads the sightings index: its write-ahead log is emptied at the next chance")

    def position(self, topic: str) -> int:
        """Offset of the last record of a topic that the index has taken in."""
        return self.catalogue.position(topic)

    def epochs(self) -> dict[str, CameraEpoch]:
        """By camera: the epoch of its latest message that was taken in."""
        return {camera: CameraEpoch(*epoch) for camera, *epoch in self.catalogue.select("SELECT * FROM epochs")}

    def replace(self, sightings: Sequence[Sighting]) -> None:
        """Put sightings in the place of those of the same tracklets, all or nothing: by another encoder."""
        with self.catalogue.transaction() as db:
            useless, _ = self._delete(db, [each.tracklet for each in sightings])
            self._insert(db, sightings)
        self._tidy(useless)

    def _tidy(self, useless: Iterable[SegmentName]) -> None:
        """Delete files that a transaction has made useless, and seal what it has filled."""
        for name in useless:
            segment_files.remove_segment(self.folder, name)
        self._sealer.seal()

    def _insert(self, db: sqlite3.Connection, sightings: Sequence[Sighting]) -> Counter[str]:
        """Insert those that are new; of one tracklet the first counts."""
        tracklets = list(dict.fromkeys(each.tracklet for each in sightings))
        known, forgotten = (among(db, table, tracklets) for table in ("sightings", "forgotten"))
        awaited = take_awaited(db, tracklets)
        places, numbers = OpenPlaces(db), Numbers(db)
        counts: Counter[str] = Counter()
        rows, vectors, added = [], [], []
        for each in sightings:
            if each.tracklet in known or each.tracklet in forgotten:
                counts["known" if each.tracklet in known else "forgotten"] += 1
                continue
            known.add(each.tracklet)
            encoder, camera = numbers("encoder", each.encoder), numbers("camera", each.camera)
            label, colour = numbers("label", each.label), numbers("colour", each.colour)
            sighting = places.next(encoder, each.appended_ns)
            identity = awaited.get(each.tracklet, each.identity)
            columns = (each.first_ns, each.last_ns, each.quality, each.colour_score, identity)
            rows.append((sighting, each.tracklet, camera, label, colour, *columns))
            vectors.append((sighting, each.vector))
            added.append((encoder, camera, np.frombuffer(each.vector, "<f2")))
            counts["taken"] += 1
        db.executemany("INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.executemany("INSERT INTO vectors VALUES (?, ?)", vectors)
        places.store()
        add_to_means(db, added)
        return counts

    def _delete(self, db: sqlite3.Connection, tracklets: Sequence[str]) -> tuple[list[SegmentName], int]:
        """Delete tracklets; returns the files that the transaction makes useless, and how many tracklets there were."""
        by_segment: dict[int, list[tuple[int, int]]] = {}
        for tracklet in tracklets:
            row = db.execute("DELETE FROM sightings WHERE tracklet = ? RETURNING id, camera", (tracklet,)).fetchone()
            if row is not None:
                by_segment.setdefault(row[0] >> SEGMENT_BITS, []).append(row)
        useless = []
        for number, rows in by_segment.items():
            encoder, revision, sealed = db.execute(
                "SELECT encoder, revision, sealed FROM segments WHERE number = ?", (number,)
            ).fetchone()
            name = SegmentName(number, revision)
            if sealed:
                self._sealer.replace(db, name, encoder, [sighting % SEGMENT_ROWS for sighting, _ in rows])
                useless.append(name)
                continue
            for sighting, camera in rows:
                (vector,) = db.execute("DELETE FROM vectors WHERE id = ? RETURNING vector", (sighting,)).fetchone()
                add_to_means(db, [(encoder, camera, np.frombuffer(vector, "<f2"))], sign=-1)
            db.execute("UPDATE segments SET revision = revision + 1 WHERE number = ?", (number,))
        return useless, sum(map(len, by_segment.values()))

    def mend(self, log_observations: Callable[[], Iterable[Observation]]) -> int:
        """Write damaged segments anew from the log; returns how many sightings are lost."""
        damaged = damaged_segments(self.catalogue)
        return mend_segments(self.catalogue, self._sealer, damaged, log_observations()) if damaged else 0

    def retire(self, now_ns: int) -> int:
        """Delete the oldest segments that are too old, or too much; returns how many sightings have gone."""
        oldest_ns = now_ns - round(self._settings.keep_days * DAY_NS)
        segments = self.catalogue.select(
            "SELECT number, revision, newest_ns, bytes FROM segments ORDER BY newest_ns, number"
        )
        total, gone = sum(size for *_, size in segments), 0
        for number, revision, newest_ns, size in segments:
            if newest_ns >= oldest_ns and total <= self._settings.max_gb * GB:
                break
            with self.catalogue.transaction() as db:
                gone += db.execute("DELETE FROM sightings WHERE id BETWEEN ? AND ?", ids_of(number)).rowcount
                db.execute("DELETE FROM vectors WHERE id BETWEEN ? AND ?", ids_of(number))
                db.execute("DELETE FROM segments WHERE number = ?", (number,))
            segment_files.remove_segment(self.folder, SegmentName(number, revision))
            total -= size
        return gone

    def close(self) -> None:
        self.catalogue.close()
        self._lock.close()


def _rows(epochs: Mapping[str, CameraEpoch]) -> Iterable[tuple[str, int, int]]:
    return ((camera, epoch.generation, epoch.session) for camera, epoch in epochs.items())


def remove_index(folder: Path) -> None:
    """Delete an index, so that it is made anew; raises ConfigError where a process writes to it."""
    with _locked(folder):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(FILE) or segment_files.is_ours(path):
                path.unlink()


def _locked(folder: Path) -> IO[str]:
    """The lock of an index's one writer, held until it is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise ConfigError(f"search.folder '{folder}' cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise WriterBusyError(f"another process writes to the sightings index in {folder}; stop one") from None
    return lock
