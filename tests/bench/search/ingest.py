"""Ingest of the sightings index, end to end: from records on a SQLite log to sealed and coded segments.

`python -m tests.bench.search.ingest [ROWS]`; each sighting is an opened and a closed observation of 768 numbers, with a
tick after every tenth, and two events of association.
"""

import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from associate.trajectory import Kind
from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.search.indexing import Indexer
from deploy.search.settings import SearchSettings
from embed.observation import TrackletState, encode
from tests.associate.samples import event
from tests.bench.search.speed import CAMERAS, ENCODER, Drawn
from tests.embed.samples import observation, tick


def main(rows: int = 50_000) -> None:
    """Write a log, then index it; print sightings a second of processor time and of the clock."""
    with TemporaryDirectory(prefix="corridor-ingest-") as folder, closing(SqliteLog(Path(folder) / "log.db")) as log:
        write(log, rows)
        settings = SearchSettings(folder=str(Path(folder) / "index"), max_gb=1e6, keep_days=1e5)
        began_s, spent_s = time.perf_counter(), time.process_time()
        with closing(Indexer(log, settings)) as indexer:
            indexer.drain()
            taken = indexer.counts["taken"]
        spent_s, passed_s = time.process_time() - spent_s, time.perf_counter() - began_s
    print(f"{taken} sightings: {taken / spent_s:.0f} a second of processor time, {taken / passed_s:.0f} by the clock")


def write(log: SqliteLog, rows: int) -> None:
    writer, row = log.claim("camera/c0"), 0
    for batch in Drawn(rows).batches():
        records = []
        for vector in batch:
            camera = f"c{row % CAMERAS}"
            for state in (TrackletState.OPENED, TrackletState.CLOSED):
                seen = observation(camera, row, at_s=row, state=state, vector=vector, encoder=ENCODER)
                records.append(Record(OBSERVATIONS, camera, encode(seen)))
            for kind in (Kind.CONFIRMED, Kind.EXTENDED):
                said = msgspec.structs.replace(
                    event(), kind=kind, identity=f"z-{row // 4}", observation=f"{seen.tracklet}|1"
                )
                records.append(Record(TRAJECTORIES, said.identity, encode_event(said)))
            if row % 10 == 0:
                records.append(Record(OBSERVATIONS, camera, encode(tick(camera, at_s=row))))
            row += 1
        writer.commit(records)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
