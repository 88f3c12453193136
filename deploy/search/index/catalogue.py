"""The catalogue of an index: which sightings and segments there are, in SQLite; vectors of sealed segments are files.

Every change is one transaction with the position on the log that it comes from, so that a process that is killed
leaves neither gap nor duplicate. Deleted bytes are overwritten (secure_delete).
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.log.sqlite_log import in_transaction
from deploy.search.index.statements import Statements
from ingest.errors import ConfigError, CorridorError

FORMAT = 1
FILE = "sightings.db"

SEGMENT_BITS = 13
"""A sighting's id is its segment's number and its place in it, of 13 bits."""
SEGMENT_ROWS = 2**SEGMENT_BITS

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (topic TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE names (
    kind TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
CREATE TABLE segments (
    number INTEGER PRIMARY KEY, encoder INTEGER NOT NULL, rows INTEGER NOT NULL, revision INTEGER NOT NULL,
    sealed INTEGER NOT NULL, newest_ns INTEGER NOT NULL, bytes INTEGER NOT NULL, vectors_crc INTEGER, codes_crc INTEGER
);
CREATE TABLE sightings (
    id INTEGER PRIMARY KEY, tracklet TEXT NOT NULL UNIQUE, camera INTEGER NOT NULL, label INTEGER NOT NULL,
    colour INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, quality REAL NOT NULL,
    colour_score REAL, identity TEXT
);
CREATE INDEX by_identity ON sightings (identity) WHERE identity IS NOT NULL;
CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE spaces (encoder INTEGER PRIMARY KEY, crc INTEGER NOT NULL);
CREATE TABLE means (
    encoder INTEGER NOT NULL, camera INTEGER NOT NULL, total BLOB NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (encoder, camera)
) WITHOUT ROWID;
CREATE TABLE awaited (tracklet TEXT PRIMARY KEY, identity TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE forgotten (tracklet TEXT PRIMARY KEY) WITHOUT ROWID;
"""

_EPOCHS = """
CREATE TABLE IF NOT EXISTS epochs (
    camera TEXT PRIMARY KEY, generation INTEGER NOT NULL, session INTEGER NOT NULL
) WITHOUT ROWID
"""
"""Of its own, because an index that was made before lacks it."""


class IndexDamagedError(CorridorError):
    """A file of an index is not what it was when it was written."""


class Catalogue:
    """The SQLite file of an index; it may be shared between threads and processes, of which one writes.

    Raises ConfigError where there is no index (`must_exist`), or one of another format.
    """

    def __init__(self, folder: Path, *, must_exist: bool = False) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        path = folder / FILE
        if must_exist and not path.is_file():
            raise ConfigError(f"there is no sightings index in {folder} (make it: corridor index FILE)")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            name = f"file:{quote(os.fsencode(path))}?mode={'ro' if must_exist else 'rwc'}"
            self._db = sqlite3.connect(name, uri=True, timeout=30.0, isolation_level=None, check_same_thread=False)
            self._prepare(must_exist)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"cannot use the sightings index {path}: {error}") from error

    def _prepare(self, must_exist: bool) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT) or (version == 0 and must_exist):
            raise ConfigError(
                f"the sightings index in {self.folder} has format {version}, this Corridor has {FORMAT} "
                "(make it anew: corridor index FILE --rebuild)"
            )
        if must_exist:
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA secure_delete=ON")
        if version == 0:
            self._db.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={FORMAT}")
            self._db.execute("COMMIT")
        self._db.execute(_EPOCHS)

    @contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Run the statements within as one transaction, all or nothing."""
        with self._lock, self._translated(), in_transaction(self._db, begin):
            yield self._db

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Read several things as they stand at one moment."""
        with self.transaction("BEGIN") as db:
            yield db

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise CorridorError(
                f"the sightings index in {self.folder} could not be used: {error} (is the disk full, or the file gone?)"
            ) from error

    def select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        with self._lock, self._translated():
            return self._db.execute(statement, values).fetchall()

    def scrub(self) -> bool:
        """Write the log of changes into the file and empty it; returns False where a reader is in the way."""
        with self._lock, self._translated():
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def version(self) -> int:
        """A number that changes whenever another connection has changed the catalogue."""
        with self._lock, self._translated():
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(version)

    def position(self, topic: str) -> int:
        """Offset of the last record of a topic that the index has taken in."""
        rows = self.select("SELECT offset FROM positions WHERE topic = ?", topic)
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        with self._lock:
            self._db.close()


class Numbers:
    """Numbers of names within one transaction; a name gets its number when it is first met, and 0 stands for None."""

    def __init__(self, db: Statements) -> None:
        self._db = db
        self._known: dict[tuple[str, str], int] = {}

    def __call__(self, kind: str, name: str | None) -> int:
        if name is None:
            return 0
        if (kind, name) not in self._known:
            self._known[kind, name] = self._number(kind, name)
        return self._known[kind, name]

    def _number(self, kind: str, name: str) -> int:
        row = self._db.execute("SELECT number FROM names WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        if row is None:
            row = self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM names WHERE kind = ?", (kind,)).fetchone()
            self._db.execute("INSERT INTO names VALUES (?, ?, ?)", (kind, row[0], name))
        return int(row[0])


def among(db: Statements, table: str, tracklets: Sequence[str]) -> set[str]:
    """Those of some tracklets that a table has."""
    marks = ",".join("?" * len(tracklets))
    return {row[0] for row in db.execute(f"SELECT tracklet FROM {table} WHERE tracklet IN ({marks})", tracklets)}


def names_of(db: Statements, kind: str) -> dict[int, str]:
    """By number: the names of a kind."""
    return dict(db.execute("SELECT number, name FROM names WHERE kind = ?", (kind,)).fetchall())


def ids_of(number: int) -> tuple[int, int]:
    """The first and the last id of a segment."""
    return number << SEGMENT_BITS, (number << SEGMENT_BITS) + SEGMENT_ROWS - 1
