"""Sealing: full segments become files, and their vectors codes; what is damaged among the codes is made anew."""

import logging
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from associate.sightings.columns import GONE, ROW, Rows
from associate.sightings.space import TRAINED_FROM, Space
from deploy.search.index import segment_files
from deploy.search.index.catalogue import SEGMENT_ROWS, Catalogue, ids_of
from deploy.search.index.means import add_to_means
from deploy.search.index.segment_files import Halves, SegmentName

logger = logging.getLogger(__name__)


class Sealer:
    """Writer of the files of one index. coded: faiss is there, so that segments get codes."""

    def __init__(self, catalogue: Catalogue, *, coded: bool) -> None:
        self._catalogue, self._coded = catalogue, coded
        self._folder: Path = catalogue.folder
        self._spaces: dict[int, Space] = {}

    def seal(self) -> None:
        """Write full segments to files, and code what has no codes yet."""
        for number, revision in self._catalogue.select(
            "SELECT number, revision FROM segments WHERE sealed = 0 AND rows = ?", SEGMENT_ROWS
        ):
            rows, vectors = self._open_segment(number)
            if not vectors.any():  # all of it has been deleted
                with self._catalogue.transaction() as db:
                    db.execute("DELETE FROM segments WHERE number = ?", (number,))
                continue
            size, checksum = segment_files.write_segment(self._folder, SegmentName(number, revision), rows, vectors)
            with self._catalogue.transaction() as db:
                db.execute("DELETE FROM vectors WHERE id BETWEEN ? AND ?", ids_of(number))
                db.execute(
                    "UPDATE segments SET sealed = 1, bytes = ?, vectors_crc = ? WHERE number = ?",
                    (size, checksum, number),
                )
        if self._coded:
            self._code()

    def _open_segment(self, number: int) -> tuple[Rows, Halves]:
        """Rows and vectors of an open segment, by place."""
        rows = rows_of(self._catalogue, number)
        packed = self._catalogue.select("SELECT id, vector FROM vectors WHERE id BETWEEN ? AND ?", *ids_of(number))
        dim = len(packed[0][1]) // 2 if packed else 1  # all of it may have been deleted
        vectors = np.zeros((SEGMENT_ROWS, dim), np.float16)
        for sighting, vector in packed:
            vectors[sighting % SEGMENT_ROWS] = np.frombuffer(vector, "<f2")
        return rows, vectors

    def replace(self, db: sqlite3.Connection, name: SegmentName, encoder: int, places: Sequence[int]) -> None:
        """Write a sealed segment anew without some places, under its next revision, within a transaction."""
        rows = segment_files.read_rows(self._folder, name, SEGMENT_ROWS)
        vectors = segment_files.map_vectors(self._folder, name, SEGMENT_ROWS).copy()
        add_to_means(db, [(encoder, int(rows["camera"][place]), vectors[place]) for place in places], sign=-1)
        rows[places], vectors[places] = np.zeros(1, ROW), 0
        rows["camera"][places] = GONE
        self.rewrite(db, name, encoder, rows, vectors)

    def rewrite(self, db: sqlite3.Connection, name: SegmentName, encoder: int, rows: Rows, vectors: Halves) -> None:
        """Write a sealed segment anew with these rows and vectors, under its next revision, within a transaction."""
        anew = SegmentName(name.number, name.revision + 1)
        size, checksum = segment_files.write_segment(self._folder, anew, rows, vectors)
        trained = db.execute("SELECT 1 FROM spaces WHERE encoder = ?", (encoder,)).fetchone() and self._coded
        space, codes_checksum = self._space(encoder) if trained else None, None
        if space is not None:
            codes = space.encode(np.asarray(vectors, np.float32))
            codes_checksum, size = segment_files.write_codes(self._folder, anew, codes), size + codes.nbytes
        db.execute(
            "UPDATE segments SET revision = ?, bytes = ?, vectors_crc = ?, codes_crc = ? WHERE number = ?",
            (anew.revision, size, checksum, codes_checksum, anew.number),
        )

    def _code(self) -> None:
        for number, revision, encoder in self._catalogue.select(
            "SELECT number, revision, encoder FROM segments WHERE sealed = 1 AND codes_crc IS NULL ORDER BY number"
        ):
            space = self._space(encoder)
            if space is None:
                continue
            name = SegmentName(number, revision)
            codes = space.encode(np.asarray(segment_files.map_vectors(self._folder, name, SEGMENT_ROWS), np.float32))
            checksum = segment_files.write_codes(self._folder, name, codes)
            with self._catalogue.transaction() as db:
                db.execute(
                    "UPDATE segments SET codes_crc = ?, bytes = bytes + ? WHERE number = ?",
                    (checksum, codes.nbytes, number),
                )

    def _space(self, encoder: int) -> Space | None:
        """The space of an encoder, trained as soon as there are sightings enough."""
        if encoder not in self._spaces:
            if self._catalogue.select("SELECT 1 FROM spaces WHERE encoder = ?", encoder):
                self._spaces[encoder] = Space.restored(segment_files.read_space(self._folder, encoder))
            elif (vectors := self._training_vectors(encoder)) is not None:
                self._spaces[encoder] = Space.train(vectors)
                checksum = segment_files.write_space(self._folder, encoder, self._spaces[encoder].state)
                with self._catalogue.transaction() as db:
                    db.execute("INSERT OR REPLACE INTO spaces VALUES (?, ?)", (encoder, checksum))
        return self._spaces.get(encoder)

    def _training_vectors(self, encoder: int) -> NDArray[np.float32] | None:
        """Vectors of the first sealed segments of an encoder; None where there are too few."""
        segments = self._catalogue.select(
            "SELECT number, revision FROM segments WHERE sealed = 1 AND encoder = ? ORDER BY number LIMIT ?",
            encoder,
            TRAINED_FROM // SEGMENT_ROWS,
        )
        if len(segments) * SEGMENT_ROWS < TRAINED_FROM:
            return None
        mapped = [segment_files.map_vectors(self._folder, SegmentName(*each), SEGMENT_ROWS) for each in segments]
        vectors = np.concatenate(mapped).astype(np.float32)
        return vectors[vectors.any(1)]

    def renew_codes(self) -> None:
        """Note codes that are gone or damaged, and those of a space that is, so that they are made anew."""
        for encoder, checksum in self._catalogue.select("SELECT encoder, crc FROM spaces"):
            path = segment_files.space_file(self._folder, encoder)
            if not path.is_file() or zlib.crc32(path.read_bytes()) != checksum:
                logger.warning("%s is gone or damaged: it is trained anew, and all codes with it", path)
                with self._catalogue.transaction() as db:
                    db.execute("DELETE FROM spaces WHERE encoder = ?", (encoder,))
                    db.execute("UPDATE segments SET codes_crc = NULL WHERE encoder = ?", (encoder,))
        for number, revision, checksum in self._catalogue.select(
            "SELECT number, revision, codes_crc FROM segments WHERE codes_crc IS NOT NULL"
        ):
            name = SegmentName(number, revision)
            if segment_files.read_codes(self._folder, name, SEGMENT_ROWS, checksum) is None:
                logger.warning("%s is gone or damaged and is made anew", name.file(self._folder, "codes"))
                with self._catalogue.transaction() as db:
                    db.execute("UPDATE segments SET codes_crc = NULL WHERE number = ?", (number,))


def rows_of(catalogue: Catalogue, number: int) -> Rows:
    """The rows of a segment by place, from the catalogue."""
    rows = np.zeros(SEGMENT_ROWS, ROW)
    rows["camera"] = GONE
    for sighting, *values in catalogue.select(
        "SELECT id, first_ns, last_ns, camera, label, colour FROM sightings WHERE id BETWEEN ? AND ?", *ids_of(number)
    ):
        rows[sighting % SEGMENT_ROWS] = tuple(values)
    return rows
