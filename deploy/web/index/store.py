"""The file of the index: one thread writes, any number read beside it."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from deploy.log.base import Log, StoredRecord
from deploy.log.decoding import TopicCounts, Undecoded
from deploy.log.sqlite_log import in_transaction
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.web.index.schema import TABLES, VERSION
from ingest.errors import ConfigError, LogError

FOLLOWED = (OBSERVATIONS, TRAJECTORIES)

IDLE_READERS = 4
"""Connections that are kept open for the next requests."""

Row = Mapping[str, Any]


class Index:
    """Index of a log in a SQLite file, which can be deleted at any time: it is made anew from the log.

    Raises ConfigError where the file cannot be made.
    """

    def __init__(self, path: Path, log: Log) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open(log)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"cannot keep an index in {path}: {error} (is the folder writable?)") from error

    def _open(self, log: Log) -> sqlite3.Connection:
        """Open the file, anew where it is of another log or another version."""
        db = self._connect()
        with _closed_on_error(db):
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == VERSION and _is_of(db, log):
                return db
        db.close()
        for name in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)
        db = self._connect()
        with _closed_on_error(db):
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        return db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)
        with _closed_on_error(db):
            db.execute("PRAGMA synchronous=OFF")  # what a power cut takes is on the log
        self.path.chmod(0o600)
        return db

    def position(self, topic: str) -> int:
        """Offset of a topic up to which the log has been taken in."""
        with self._lock:
            return int(_meta(self._db, f"position {topic}") or 0)

    def undecoded(self, topic: str) -> TopicCounts | None:
        """The records of a topic that could not be decoded, up to its position."""
        with self._lock:
            known = _meta(self._db, f"undecoded {topic}")
        return None if known is None else msgspec.json.decode(known, type=TopicCounts)

    @contextmanager
    def page(self, topic: str, after: int, records: Sequence[StoredRecord]) -> Iterator[sqlite3.Connection | None]:
        """Fold the page of records after an offset within one transaction, which also moves the position.

        None where another process, which follows into the same file, has been faster.
        """
        with self._lock, in_transaction(self._db):
            if int(_meta(self._db, f"position {topic}") or 0) != after:
                yield None
                return
            yield self._db
            if _meta(self._db, f"first {topic}") is None:
                _put(self._db, f"first {topic}", _mark(records[0]))
            _put(self._db, f"position {topic}", str(records[-1].offset))

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Read the rows of a query."""
        with self._reader() as db:
            found = db.execute(sql, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def tuples(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Read the rows of a query without their names, for many of them."""
        with self._reader() as db:
            return db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Read the first row of a query, if any."""
        return next(iter(self.rows(sql, values)), None)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            db = self._readers.pop() if self._readers else None
        if db is None:
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            yield db
        except BaseException:
            db.close()
            raise
        with self._lock:
            keep = len(self._readers) < IDLE_READERS and not self._closed
            if keep:
                self._readers.append(db)
        if not keep:
            db.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for db in (self._db, *self._readers):
                db.close()
            self._readers.clear()


@contextmanager
def _closed_on_error(db: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        db.close()
        raise


def _is_of(db: sqlite3.Connection, log: Log) -> bool:
    """True where what was taken in is still the beginning of the log, as far as retention has left that."""
    for topic in FOLLOWED:
        position, mark = int(_meta(db, f"position {topic}") or 0), _meta(db, f"first {topic}")
        if mark is None:
            continue
        try:
            first = next(iter(log.read(topic, 0, 1)), None)
            if position > log.end(topic):
                return False
        except LogError:
            return True  # away just now; nothing says that it is another
        offset = int(mark.split()[0])
        if first is None or first.offset < offset or (first.offset == offset and _mark(first) != mark):
            return False
        if first.offset > position:
            return False
    return True


def keep_undecoded(db: sqlite3.Connection, topic: str, undecoded: Undecoded) -> None:
    """Keep what could not be decoded with the page that it was in; whoever goes on from there knows it."""
    counts = undecoded.of(topic)
    if counts is not None:
        _put(db, f"undecoded {topic}", msgspec.json.encode(counts).decode())


def _mark(record: StoredRecord) -> str:
    return f"{record.offset} {hashlib.sha256(record.value).hexdigest()}"


def _meta(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _put(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
