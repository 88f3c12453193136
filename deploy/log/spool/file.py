"""The spool: records that wait for a log that is away, in a file, in the order in which they were said.

Each process has a file of its own in the site's folder, and locks it for as long as it lives. What a process leaves
behind, however it ended, the next one takes over for the owners that it has itself. A kill loses nothing that has been
put down; a power cut may lose the last seconds.
"""

import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.log.base import Addition
from deploy.log.sqlite_log import in_transaction
from ingest.errors import ConfigError, LogError

logger = logging.getLogger(__name__)

ENDING = ".spool"
SCHEMA_VERSION = 1
START_S = 0.5
"""Wait for another process that takes over from the same file as this one starts."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    sequence INTEGER PRIMARY KEY, owner TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, value BLOB,
    said_ns INTEGER NOT NULL
)
"""
_COLUMNS = "sequence, owner, topic, key, value, said_ns"
_SIZE = "length(key) + coalesce(length(value), 0) + 64"
"""As `Addition.size`."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record in the spool; `said_ns`: when it was put there, Unix nanoseconds of this machine."""

    sequence: int
    addition: Addition
    said_ns: int


class Spool:
    """A file of waiting records, made in `folder`; raises ConfigError where it cannot be. One thread uses it at a time.

    owners: those whose records are taken over from processes that have ended.
    started_ns: Unix nanoseconds, so that names are in the order of starts. What fails later raises LogError.
    """

    def __init__(self, folder: Path, owners: frozenset[str], *, started_ns: int) -> None:
        self.path = folder / f"{started_ns:020d}-{os.getpid()}{ENDING}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = _open(self.path)
            self.take_over(owners)
        except (OSError, sqlite3.Error, LogError) as error:
            raise ConfigError(f"cannot keep a spool in {folder}: {error} (see [log] spool)") from error

    def put(self, waiting: Sequence[Waiting], *, forget_up_to: int) -> None:
        """Put records down, and forget those up to a number, which are on the log."""
        with self._transaction():
            self._db.execute("DELETE FROM waiting WHERE sequence <= ?", (forget_up_to,))
            self._insert(waiting)

    def after(self, sequence: int, limit: int) -> list[Waiting]:
        """The first `limit` records after a number."""
        with _translated(self.path):
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit)
            ).fetchall()
        return [_waiting(row) for row in rows]

    def drop_oldest(self, after: int, excess_bytes: int) -> tuple[Counter[str], int]:
        """Give up the oldest records after a number, about so many bytes; returns their count by owner, and bytes."""
        dropped, freed, last = Counter[str](), 0, after
        with self._transaction():
            for sequence, owner, size in self._db.execute(
                f"SELECT sequence, owner, {_SIZE} FROM waiting WHERE sequence > ? ORDER BY sequence", (after,)
            ):
                if freed >= excess_bytes:
                    break
                dropped[owner] += 1
                freed, last = freed + size, sequence
            self._db.execute("DELETE FROM waiting WHERE sequence > ? AND sequence <= ?", (after, last))
        return dropped, freed

    def last(self) -> int:
        """The number of the last record; 0 where there is none."""
        with _translated(self.path):
            return int(self._db.execute("SELECT coalesce(max(sequence), 0) FROM waiting").fetchone()[0])

    def held(self) -> tuple[Counter[str], int]:
        """Numbers of records that wait, by owner, and their bytes."""
        with _translated(self.path):
            rows = self._db.execute(f"SELECT owner, count(*), sum({_SIZE}) FROM waiting GROUP BY owner").fetchall()
        return Counter({owner: count for owner, count, _ in rows}), sum(size for _, _, size in rows)

    def close(self) -> None:
        """Let the file go; it stays where something waits in it."""
        try:
            (left,) = self._db.execute("SELECT count(*) FROM waiting").fetchone()
        except sqlite3.Error:
            left = None
        self._db.close()
        if left == 0:
            self.path.unlink(missing_ok=True)

    def take_over(self, owners: frozenset[str], *, after: int = 0, wait_s: float = START_S) -> None:
        """Move what ended processes have left of these owners here, behind a number and all that is here already.

        wait_s: for a file that another process has.
        """
        if not owners:
            return
        with _translated(self.path):
            for path in sorted(self.path.parent.glob(f"*{ENDING}")):
                if path != self.path:
                    self._take_over(path, owners, after, wait_s)

    def _take_over(self, path: Path, owners: frozenset[str], after: int, wait_s: float) -> None:
        try:
            db = _open(path, wait_s)
        except sqlite3.Error as error:
            if "locked" not in str(error):  # else its process lives
                logger.warning("the spool %s cannot be read, and stays as it is: %s", path, error)
            return
        marks = ", ".join("?" * len(owners))
        with closing(db):
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE owner IN ({marks}) ORDER BY sequence", (*owners,)
            ).fetchall()
            begin = max(self.last(), after)
            moved = [_waiting((begin + place, *row[1:])) for place, row in enumerate(rows, 1)]
            # Twice for a moment: what is sent twice is dropped by its count, what is lost is lost.
            with self._transaction():
                self._insert(moved)
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"DELETE FROM waiting WHERE owner IN ({marks})", (*owners,))
            db.execute("COMMIT")
            (left,) = db.execute("SELECT count(*) FROM waiting").fetchone()
            (others,) = db.execute("SELECT group_concat(DISTINCT owner) FROM waiting").fetchone()
        if moved:
            logger.info("%d records of a process that has ended wait in %s and are written first", len(moved), path)
        if left:
            logger.warning(
                "%d records in %s are of cameras that are not watched here (%s): they wait for a process that watches "
                "them",
                left,
                path,
                others,
            )
        else:
            path.unlink(missing_ok=True)

    def _insert(self, waiting: Sequence[Waiting]) -> None:
        self._db.executemany(
            "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?)",
            [
                (it.sequence, it.addition.owner, it.addition.topic, it.addition.key, it.addition.value, it.said_ns)
                for it in waiting
            ],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translated(self.path), in_transaction(self._db):
            yield


def _open(path: Path, wait_s: float = START_S) -> sqlite3.Connection:
    """Open a file and lock it against every other process; raises sqlite3.OperationalError where one has it."""
    db = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        # Without shared memory: the lock is taken at the first write and kept until the connection is closed.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("BEGIN IMMEDIATE")
        db.execute(_SCHEMA)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _waiting(row: tuple[int, str, str, str, bytes | None, int]) -> Waiting:
    sequence, owner, topic, key, value, said_ns = row
    return Waiting(sequence, Addition(owner, topic, key, value), said_ns)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LogError(f"the spool {path} cannot be used: {error} (is the disk full?)") from error
