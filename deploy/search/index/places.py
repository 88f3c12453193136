"""Places of new sightings: the next ones in the open segment of their encoder."""

import sqlite3

from deploy.search.index.catalogue import SEGMENT_BITS, SEGMENT_ROWS


class OpenPlaces:
    """Gives ids within one transaction; `store` writes down how far the segments are full."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._open: dict[int, int] = {}
        self._rows: dict[int, int] = {}
        self._newest_ns: dict[int, int] = {}

    def next(self, encoder: int, appended_ns: int) -> int:
        """The next id for a sighting by an encoder, which came onto the log at a time."""
        number = self._open.get(encoder)
        if number is None or self._rows[number] == SEGMENT_ROWS:
            number = self._open[encoder] = self._open_segment(encoder)
        place = self._rows[number]
        self._rows[number] += 1
        self._newest_ns[number] = max(self._newest_ns.get(number, 0), appended_ns)
        return number << SEGMENT_BITS | place

    def store(self) -> None:
        """Write the segments' sizes."""
        self._db.executemany(
            "UPDATE segments SET rows = ?, newest_ns = max(newest_ns, ?) WHERE number = ?",
            [(self._rows[number], newest_ns, number) for number, newest_ns in self._newest_ns.items()],
        )

    def _open_segment(self, encoder: int) -> int:
        row = self._db.execute(
            "SELECT number, rows FROM segments WHERE encoder = ? AND sealed = 0 AND rows < ?", (encoder, SEGMENT_ROWS)
        ).fetchone()
        if row is not None and row[0] not in self._rows:
            self._rows[row[0]] = row[1]
            return int(row[0])
        # Numbers are never used again, so that a reader never takes one segment for another.
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('segments', '0')")
        self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'segments'")
        number = int(self._db.execute("SELECT value FROM meta WHERE key = 'segments'").fetchone()[0])
        self._db.execute("INSERT INTO segments VALUES (?, ?, 0, 0, 0, 0, 0, NULL, NULL)", (number, encoder))
        self._rows[number] = 0
        return number
