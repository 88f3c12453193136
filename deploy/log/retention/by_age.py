"""Retention of a log on SQLite: what is older than an age is removed, and the room it took is given back to the disk.

Never an observation that association has not read, and nothing of the topics that Kafka keeps for good. All of it is
done in small transactions, between which writers take their turns.
"""

import logging
import sqlite3
from collections import Counter

from deploy.log.append_times import time_of_old_record_ns
from deploy.log.sqlite_log import INCREMENTAL, SqliteLog
from deploy.log.topics import LAYOUTS, OBSERVATIONS
from ingest.clock import NS

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
ROWS = 500
"""Most records that go in one transaction."""
PAGES = 256
"""Most pages that are given back in one transaction."""
TRANSACTIONS = 200
"""Most transactions of a kind in one sweep, so that it is over in seconds also where years are to be removed."""
SPARE_SHARE = 0.1
"""Share of the file that stays free: what goes today makes room for what comes tomorrow."""


class SqliteRetention:
    """Retention by age: `sweep` does what there is to do now, or a good part of it."""

    def __init__(self, log: SqliteLog, keep_days: float) -> None:
        self._log = log
        self._keep_days = keep_days
        self._warned: set[str] = set()

    def sweep(self) -> Counter[str]:
        """Remove what is too old; returns how many records of each topic went. Raises LogError."""
        cutoff_ns = self._log.clock.now_ns() - round(self._keep_days * DAY_S * NS)
        removed: Counter[str] = Counter()
        for topic in (layout.name for layout in LAYOUTS if layout.retention_days is not None):
            with self._log.transaction() as db:
                last = _last_before(db, topic, cutoff_ns)
                if topic == OBSERVATIONS:
                    last = self._spare_unread(db, last)
            removed[topic] = self._remove(topic, last)
        self._give_back()
        return +removed

    def _spare_unread(self, db: sqlite3.Connection, last: int) -> int:
        """The last observation that may go; where age alone would take more, say what it waits for."""
        zones = db.execute("SELECT owner, position FROM owners WHERE owner LIKE 'zone/%' ORDER BY position").fetchall()
        owner, read = zones[0] if zones else ("", 0)
        if last > read:
            reader = f"association of {owner} has read up to offset {read}" if zones else "no association has read any"
            self._warn(
                f"{last - read} observations are older than log.keep_days {self._keep_days:g} and stay on the log "
                f"{self._log.path}: {reader} (start `corridor associate`)",
                kind="unread",
            )
        else:
            self._warned.discard("unread")
        return min(last, int(read))

    def _remove(self, topic: str, last: int) -> int:
        removed = 0
        for _ in range(TRANSACTIONS):
            with self._log.transaction() as db:
                gone = db.execute(
                    "DELETE FROM records WHERE topic = ?1 AND offset <= (SELECT max(offset) FROM (SELECT offset FROM "
                    "records WHERE topic = ?1 AND offset <= ?2 ORDER BY offset LIMIT ?3))",
                    (topic, last, ROWS),
                ).rowcount
            removed += gone
            if gone < ROWS:
                break
        return removed

    def _give_back(self) -> None:
        """Shorten the file by what is free beyond the spare share."""
        with self._log.transaction() as db:
            (mode,) = db.execute("PRAGMA auto_vacuum").fetchone()
            free, spare = _free_pages(db)
        if mode != INCREMENTAL:
            if free > spare:
                self._warn(
                    f"the log {self._log.path} was made by an earlier version: what is removed makes room in the file, "
                    "which gets no smaller (`sqlite3 FILE 'PRAGMA auto_vacuum=2; VACUUM'` while nothing runs mends it)",
                    kind="vacuum",
                )
            return
        for _ in range(TRANSACTIONS):
            if free <= spare:
                return
            with self._log.transaction() as db:
                for _ in range(min(PAGES, free - spare)):
                    db.execute("PRAGMA incremental_vacuum(1)")  # Python takes a single step of it, which is a page
                free, spare = _free_pages(db)

    def _warn(self, words: str, *, kind: str) -> None:
        """Say something once, until it has been mended."""
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("%s", words)


def _last_before(db: sqlite3.Connection, topic: str, cutoff_ns: int) -> int:
    """Offset up to which records of a topic were appended before a time: by bisection, for there is no index of times.

    Append times rise with the offsets, but for steps of the machine's clock.
    """
    (first,) = db.execute("SELECT min(offset) FROM records WHERE topic = ?", (topic,)).fetchone()
    if first is None:
        return 0
    (high,) = db.execute("SELECT max(offset) FROM records WHERE topic = ?", (topic,)).fetchone()
    low = first - 1  # everything up to `low` is old, everything after `high` is not
    while low < high:
        middle = (low + high + 1) // 2
        offset, value, appended_ns = db.execute(
            "SELECT offset, value, appended_ns FROM records WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT 1",
            (topic, middle),
        ).fetchone()
        at_ns = time_of_old_record_ns(value) if appended_ns is None else appended_ns
        if at_ns < cutoff_ns:
            low = offset
        else:
            high = middle - 1
    return int(low)


def _free_pages(db: sqlite3.Connection) -> tuple[int, int]:
    """Free pages of the file, and how many of them may be."""
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    return int(free), int(pages * SPARE_SHARE)
