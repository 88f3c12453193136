"""The log on SQLite: one file, one machine, nothing to install.

WAL with synchronous=FULL: a commit that has returned survives a power cut. Any number of processes may read; writers
take turns, for a few milliseconds each.

Format 2 gave every record its append time. A log of format 1 is read as it is, and becomes one of format 2, in place,
when it is opened to be written; its old rows keep an empty append time, for which their event time is read.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from deploy.log.append_times import append_time_ns, time_of_old_record_ns
from deploy.log.base import Record, StoredRecord
from deploy.log.topics import COMPACTED
from ingest.clock import Clock, SystemClock
from ingest.errors import FencedError, LogError, LogOpeningError

SCHEMA_VERSION = 2
WITHOUT_APPEND_TIMES = 1
"""The version before, which is still read."""

INCREMENTAL = 2
"""SQLite's mode in which free pages can be given back to the disk, a few at a time."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    topic TEXT NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, appended_ns INTEGER,
    PRIMARY KEY (topic, offset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ends (topic TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    owner TEXT PRIMARY KEY, generation INTEGER NOT NULL, position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (
    owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (owner, key)
) WITHOUT ROWID;
"""

_COMPACTED = "topic IN ({})".format(", ".join(f"'{topic}'" for topic in COMPACTED))
_COMPACTION = f"CREATE INDEX compaction ON records (topic, key) WHERE {_COMPACTED}"
_COMPACT = f"DELETE FROM records WHERE topic = ? AND key = ? AND {_COMPACTED}"
"""With the index's own condition: without it SQLite does not use the index, and reads all records of the topic."""


class SqliteLog:
    """A log in a SQLite file; it may be shared between threads and processes.

    With `must_exist` nothing is made and nothing changed by opening. Raises LogOpeningError if the file cannot be made,
    or is something else. `clock` gives the append times.
    """

    def __init__(self, path: Path, *, must_exist: bool = False, clock: Clock | None = None) -> None:
        self.path = path
        self.clock: Clock = clock or SystemClock()
        self._lock = threading.RLock()
        try:
            if not must_exist:
                path.parent.mkdir(parents=True, exist_ok=True)
            name = f"file:{quote(os.fsencode(path))}?mode={'rw' if must_exist else 'rwc'}"
            self._db = sqlite3.connect(name, uri=True, timeout=30.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise LogOpeningError(f"cannot open the log {path}: {error} (is the folder there and writable?)") from error
        try:
            self._has_append_times = self._check_format(must_exist)
            if not must_exist:
                self._prepare()
            self._file = path.stat().st_ino
        except sqlite3.Error as error:
            self._db.close()
            raise LogOpeningError(
                f"cannot use {path} as a log: {error} (is it writable, and a log of Corridor?)"
            ) from error
        except LogError:
            self._db.close()
            raise

    def _check_format(self, must_exist: bool) -> bool:
        """Return whether records have append times, before anything is touched.

        Raises LogOpeningError for somebody else's database or another format.
        """
        # In one statement, so that another process which is just making the log is seen before or after, not amid.
        version, tables, of_records = self._db.execute(
            "SELECT user_version, (SELECT count(*) FROM sqlite_master), "
            "(SELECT count(*) FROM sqlite_master WHERE name = 'records') FROM pragma_user_version"
        ).fetchone()
        foreign = tables > 0 and not of_records  # other databases number their formats from 1, too
        if foreign or (version == 0 and (tables or must_exist)):
            raise LogOpeningError(f"{self.path} is no log of Corridor; name another file")
        if version not in (0, WITHOUT_APPEND_TIMES, SCHEMA_VERSION):
            raise LogOpeningError(
                f"the log {self.path} has format {version}, this Corridor writes {SCHEMA_VERSION}; name another file"
            )
        return bool(version == SCHEMA_VERSION)

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")  # of a file that is new; others stay as they are
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("BEGIN IMMEDIATE")
        _migrate(self._db)
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._index_compacted()
        self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._db.execute("COMMIT")

    def _index_compacted(self) -> None:
        """Make the index of compacted topics, anew where the file has that of a version with fewer of them."""
        found = self._db.execute("SELECT sql FROM sqlite_master WHERE name = 'compaction'").fetchone()
        if found != (_COMPACTION,):
            self._db.execute("DROP INDEX IF EXISTS compaction")
            self._db.execute(_COMPACTION)

    def claim(self, owner: str) -> "SqliteWriter":
        with self.transaction() as db:
            _migrate(db)  # it may have been opened as one that must exist
            db.execute(
                "INSERT INTO owners VALUES (?, 1, 0) ON CONFLICT (owner) DO UPDATE SET generation = generation + 1",
                (owner,),
            )
            generation, position = db.execute(
                "SELECT generation, position FROM owners WHERE owner = ?", (owner,)
            ).fetchone()
            state = dict(db.execute("SELECT key, value FROM state WHERE owner = ?", (owner,)).fetchall())
        return SqliteWriter(self, owner, generation, position, state)

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        with self._lock, _translated_errors(self.path):
            rows = self._db.execute(
                f"SELECT offset, key, value, {self._append_time_column()} FROM records "
                "WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?",
                (topic, after, limit),
            ).fetchall()
        return [
            StoredRecord(offset, key, value, time_of_old_record_ns(value) if appended_ns is None else appended_ns)
            for offset, key, value, appended_ns in rows
        ]

    def _append_time_column(self) -> str:
        if not self._has_append_times:  # a process that writes may have changed the format meanwhile
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            self._has_append_times = version == SCHEMA_VERSION
        return "appended_ns" if self._has_append_times else "NULL"

    def end(self, topic: str) -> int:
        with self._lock, _translated_errors(self.path):
            row = self._db.execute("SELECT offset FROM ends WHERE topic = ?", (topic,)).fetchone()
        return int(row[0]) if row else 0

    def topic_id(self, topic: str) -> str:
        """No id: topics are the file's, and a file that is replaced is noticed."""
        return ""

    def state_of(self, owner: str) -> Mapping[str, bytes]:
        with self._lock, _translated_errors(self.path):
            return dict(self._db.execute("SELECT key, value FROM state WHERE owner = ?", (owner,)).fetchall())

    def kept_s(self, topic: str) -> float | None:
        """None: its retention waits for those who read."""
        return None

    def cameras(self) -> list[str]:
        """List the ids of all cameras that have ever been written for, sorted."""
        with self._lock, _translated_errors(self.path):
            rows = self._db.execute("SELECT owner FROM owners WHERE owner LIKE 'camera/%' ORDER BY owner").fetchall()
        return [owner.removeprefix("camera/") for (owner,) in rows]

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the statements within as one transaction, all or nothing; other writers wait."""
        with self._lock, _translated_errors(self.path):
            self._check_file()
            with in_transaction(self._db):
                yield self._db

    def _check_file(self) -> None:
        """Raise LogError where the file was deleted or replaced: SQLite would write on into one without a name."""
        try:
            same = self.path.stat().st_ino == self._file
        except OSError:
            same = False
        if not same:
            raise LogError(f"the log {self.path} has been deleted or replaced while it was in use; start again")


class SqliteWriter:
    """Writer to a SQLite log as one owner."""

    def __init__(self, log: SqliteLog, owner: str, generation: int, position: int, state: dict[str, bytes]) -> None:
        self._log = log
        self._owner = owner
        self._generation = generation
        self._position = position
        self._state = state

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def position(self) -> int:
        return self._position

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    @property
    def dropped(self) -> int:
        return 0

    @property
    def held(self) -> int:
        return 0

    def beat(self) -> None:
        """Do nothing: nobody stands by on one machine."""

    def close(self) -> None:
        """Do nothing: every commit is written at once."""

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        state = state or {}
        with self._log.transaction() as db:
            self._check_owned(db)
            _append(db, records, self._log.clock)
            _change_state(db, self._owner, state)
            if position is not None:
                db.execute("UPDATE owners SET position = ? WHERE owner = ?", (position, self._owner))
        # Only what is durable is remembered.
        self._position = self._position if position is None else position
        for key, value in state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    def start_anew(self, topics: Sequence[str], *, position: int = 0) -> None:
        """Forget state, and every record of some topics, whose offsets go on; go on after a position.

        Raises as `commit`.
        """
        with self._log.transaction() as db:
            self._check_owned(db)
            db.executemany("DELETE FROM records WHERE topic = ?", [(topic,) for topic in topics])
            db.execute("DELETE FROM state WHERE owner = ?", (self._owner,))
            db.execute("UPDATE owners SET position = ? WHERE owner = ?", (position, self._owner))
        self._position = position
        self._state.clear()

    def _check_owned(self, db: sqlite3.Connection) -> None:
        (generation,) = db.execute("SELECT generation FROM owners WHERE owner = ?", (self._owner,)).fetchone()
        if generation != self._generation:
            raise FencedError(
                f"'{self._owner}' is owned by another process now (generation {generation}, this one has "
                f"{self._generation}); stop one of the two"
            )


def _migrate(db: sqlite3.Connection) -> None:
    """Make a log of format 1 one of format 2, within a transaction: no row is touched, whatever the size."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == WITHOUT_APPEND_TIMES:
        db.execute("ALTER TABLE records ADD COLUMN appended_ns INTEGER")
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _append(db: sqlite3.Connection, records: Sequence[Record], clock: Clock) -> None:
    ends: dict[str, int] = {}
    for record in records:
        if record.topic not in ends:
            row = db.execute("SELECT offset FROM ends WHERE topic = ?", (record.topic,)).fetchone()
            ends[record.topic] = row[0] if row else 0
        if record.topic in COMPACTED:
            db.execute(_COMPACT, (record.topic, record.key))
        ends[record.topic] += 1
        db.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
            (record.topic, ends[record.topic], record.key, record.value, append_time_ns(record, clock)),
        )
    db.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?)", ends.items())


def _change_state(db: sqlite3.Connection, owner: str, state: Mapping[str, bytes | None]) -> None:
    db.executemany(
        "DELETE FROM state WHERE owner = ? AND key = ?",
        [(owner, key) for key, value in state.items() if value is None],
    )
    db.executemany(
        "INSERT OR REPLACE INTO state VALUES (?, ?, ?)",
        [(owner, key, value) for key, value in state.items() if value is not None],
    )


@contextmanager
def in_transaction(db: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run a block as one transaction, which an error takes back; SQLite may have done that already."""
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as LogError."""
    try:
        yield
    except sqlite3.Error as error:
        raise LogError(f"the log {path} could not be used: {error} (is the disk full, or the file gone?)") from error
