"""Mending: segments whose files are damaged are written anew from the log, as far as it goes back."""

import logging
from collections.abc import Iterable

import numpy as np

from associate.sightings.columns import GONE
from deploy.search.index import segment_files
from deploy.search.index.catalogue import SEGMENT_ROWS, Catalogue, IndexDamagedError, ids_of
from deploy.search.index.sealing import Sealer, rows_of
from deploy.search.index.segment_files import SegmentName
from embed.observation import Observation, TrackletState

logger = logging.getLogger(__name__)


def damaged_segments(catalogue: Catalogue) -> list[tuple[SegmentName, int]]:
    """Sealed segments whose rows or vectors are gone or not those that were written, with their encoder; said."""
    damaged = []
    for number, revision, encoder, checksum in catalogue.select(
        "SELECT number, revision, encoder, vectors_crc FROM segments WHERE sealed = 1 ORDER BY number"
    ):
        name = SegmentName(number, revision)
        try:
            segment_files.check_vectors(catalogue.folder, name, checksum)
            segment_files.read_rows(catalogue.folder, name, SEGMENT_ROWS)
        except (IndexDamagedError, OSError) as error:
            logger.warning("%s; the segment is made anew from the log", error)
            damaged.append((name, encoder))
    return damaged


def mend_segments(
    catalogue: Catalogue, sealer: Sealer, damaged: Iterable[tuple[SegmentName, int]], seen: Iterable[Observation]
) -> int:
    """Write segments anew from a log's observations; returns how many sightings that has no more, which are deleted."""
    damaged = list(damaged)
    places = {
        tracklet: sighting
        for name, _ in damaged
        for sighting, tracklet in catalogue.select(
            "SELECT id, tracklet FROM sightings WHERE id BETWEEN ? AND ?", *ids_of(name.number)
        )
    }
    vectors: dict[int, bytes] = {}
    for each in seen:
        if each.state is TrackletState.CLOSED and each.tracklet in places:
            vectors.setdefault(places[each.tracklet], each.vector)
    lost = 0
    for name, encoder in damaged:
        rows = rows_of(catalogue, name.number)
        first, last = ids_of(name.number)
        known = {sighting: vector for sighting, vector in vectors.items() if first <= sighting <= last}
        dim = len(next(iter(known.values()), b"\0\0")) // 2
        halves = np.zeros((SEGMENT_ROWS, dim), np.float16)
        for sighting, vector in known.items():
            halves[sighting % SEGMENT_ROWS] = np.frombuffer(vector, "<f2")
        missing = [place for place in np.flatnonzero(rows["camera"] != GONE).tolist() if first + place not in known]
        rows["camera"][missing] = GONE
        lost += len(missing)
        with catalogue.transaction() as db:
            db.executemany("DELETE FROM sightings WHERE id = ?", [(first + place,) for place in missing])
            sealer.rewrite(db, name, encoder, rows, halves)
        segment_files.remove_segment(catalogue.folder, name)
    return lost
