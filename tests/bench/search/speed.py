"""Search by size: processor time of a query, recall, bytes, and how fast an index grows.

`python -m tests.bench.search.speed [ROWS…] [--folder FOLDER] [--postgres]` (default: 100,000). Vectors are drawn with
a between- and a within-vehicle covariance like those of `grl-64`: 32 clusters, 8 sightings a vehicle, cosine .88.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter, Sighting
from associate.sightings.space import load_faiss
from deploy.search.index.reader import SightingsIndex
from deploy.search.index.writer import IndexWriter
from deploy.search.postgres.reader import PostgresIndex
from deploy.search.postgres.writer import PostgresWriter
from deploy.search.settings import SearchSettings
from ingest.clock import NS
from tests.bench.measure import table
from tests.contracts.postgres_server import new_database

DIM = 768
SIGHTINGS_A_VEHICLE = 8
QUERIES = 100
TOP = 100
BATCH = 4096
CAMERAS = 20
ENCODER = "drawn@1"
EXACT_UP_TO = 1_000_000
"""Rows that are searched exactly, twice 3 GB of floats in memory."""
WITHIN = 0.37
"""Length of what differs between two sightings of a vehicle, to that of what they have in common."""

Vectors = NDArray[np.float32]


class Drawn:
    """Vehicles drawn by a seed: `sightings` of rows, each the same whoever asks, and further ones to ask with."""

    def __init__(self, rows: int, seed: int = 9201) -> None:
        self.rows = rows
        self._rng = np.random.default_rng(seed)
        # Spectra like those of the measured covariances: 90 % of the variance in 90 to 100 of 768 directions.
        spectrum = np.exp(-np.arange(DIM) / 30.0) + 0.0005
        basis, _ = np.linalg.qr(self._rng.standard_normal((DIM, DIM)))
        self._between = (basis * np.sqrt(spectrum / spectrum.sum())).T.astype(np.float32)
        other, _ = np.linalg.qr(self._rng.standard_normal((DIM, DIM)))
        self._within = (other * np.sqrt(spectrum / spectrum.sum())).T.astype(np.float32)
        self._centres = 0.75 * self._rng.standard_normal((32, DIM)).astype(np.float32) @ self._between
        self._mean = np.asarray(0.5 * self._between.sum(0) / np.linalg.norm(self._between.sum(0)), np.float32)
        self._seed = seed

    def vehicles(self, first: int, count: int) -> Vectors:
        """What the sightings of vehicles have in common (count, DIM)."""
        rng = np.random.default_rng((self._seed, 1, first))
        own = rng.standard_normal((count, DIM)).astype(np.float32) @ self._between
        # Of a generator of their own, so that the first vehicles are the same however many are drawn.
        clusters = np.random.default_rng((self._seed, 5, first)).integers(0, 32, count)
        return np.asarray(0.75 * own + self._centres[clusters] + self._mean, np.float32)

    def seen(self, vehicles: Vectors, seed: tuple[int, ...]) -> Vectors:
        """One sighting (N, DIM) of each vehicle, of norm 1."""
        rng = np.random.default_rng((self._seed, *seed))
        noise = rng.standard_normal(vehicles.shape).astype(np.float32) @ self._within
        scale = WITHIN * np.linalg.norm(vehicles, axis=1, keepdims=True)
        seen = vehicles + scale * noise
        return np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True), np.float32)

    def batches(self) -> Iterator[NDArray[np.float16]]:
        """All rows; row r is of vehicle r // SIGHTINGS_A_VEHICLE."""
        for first in range(0, self.rows, BATCH):
            count = min(BATCH, self.rows - first)
            vehicles = self.vehicles(first, -(-count // SIGHTINGS_A_VEHICLE))
            repeated = np.repeat(vehicles, SIGHTINGS_A_VEHICLE, axis=0)[:count]
            yield self.seen(repeated, (2, first)).astype(np.float16)

    def queries(self) -> tuple[Vectors, NDArray[np.int64]]:
        """A ninth sighting of the first vehicle of some batches, and those vehicles' first rows."""
        firsts = np.random.default_rng((self._seed, 3)).integers(0, max(self.rows // BATCH, 1), QUERIES) * BATCH
        vehicles = np.concatenate([self.vehicles(int(first), 1) for first in firsts])
        return self.seen(vehicles, (4,)), firsts


def main(sizes: Sequence[int] = (100_000,), place: Path | None = None, *, postgres: bool = False) -> None:
    """Measure indexes of some sizes in turn, made below a folder, or a temporary one."""
    for rows in sizes:
        with TemporaryDirectory(prefix="corridor-search-", dir=place) as folder:
            measure(rows, Path(folder) / "index", postgres=postgres)


def measure(rows: int, folder: Path, *, postgres: bool) -> None:
    """Build, then ask; print a table. With `postgres` a PostgreSQL server with pgvector beside."""
    drawn = Drawn(rows)
    ingest_s = built(drawn, folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    leave_memory(folder)
    began_s = time.process_time()
    with closing(SightingsIndex(folder)) as index:
        opened_s = time.process_time() - began_s
        queries, firsts = drawn.queries()
        truth, lines = exact(drawn, queries, firsts)
        wide = Filter(since_ns=0, until_ns=rows // 2 * NS)
        camera = Filter(cameras=("c3",))
        for name, wanted, admits in (
            ("ours, from the disk", Filter(), everything),
            ("ours", Filter(), everything),
            ("ours, half of the time", wide, lambda row: row <= rows // 2),
            ("ours, one of 20 cameras, from the disk", camera, lambda row: row % CAMERAS == 3),
            ("ours, one of 20 cameras", camera, lambda row: row % CAMERAS == 3),
        ):
            lines.append([name, *asked(index, queries, wanted, truth, firsts, admits)])
    if postgres:
        lines.append(["pgvector (HNSW)", *of_postgres(drawn, queries, truth, firsts)])
    print(
        f"{rows} sightings: {rows / ingest_s:.0f} taken in, sealed and coded a core-second; "
        f"{size / rows:.0f} B each on disk; opened in {opened_s:.1f} s of CPU\n"
    )
    table(
        [
            "search",
            "CPU p50 ms",
            "CPU p99 ms",
            "clock p50 ms",
            "clock p99 ms",
            "recall@100 of exact",
            "of 8 true sightings",
        ],
        lines,
    )
    shutil.rmtree(folder)


def leave_memory(folder: Path) -> None:
    """Let the system forget what it holds of the files, so that the first to ask reads them from the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def built(drawn: Drawn, folder: Path) -> float:
    """Build the index; returns seconds of processor time, without those of drawing."""
    with closing(IndexWriter(SearchSettings(folder=str(folder), max_gb=1e6), coded=True)) as writer:
        return filled(writer, drawn, time.process_time)


def filled(writer: IndexWriter | PostgresWriter, drawn: Drawn, clock: Callable[[], float]) -> float:
    """Take in all rows, a thousand at a time; returns seconds by a clock, without those of drawing."""
    spent_s, row = 0.0, 0
    for batch in drawn.batches():
        began_s = clock()
        for begin in range(0, len(batch), 1000):
            part = batch[begin : begin + 1000]
            writer.take([sighting(row + place, vector) for place, vector in enumerate(part)], [], {"observations": row})
            row += len(part)
        spent_s += clock() - began_s
    return spent_s


def everything(row: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.ones_like(row, bool)


def of_postgres(drawn: Drawn, queries: Vectors, truth: NDArray[np.float32], firsts: NDArray[np.int64]) -> list[str]:
    """Times, of which the server's part is another process's, and recalls of a database with its HNSW index."""
    url = new_database()
    with closing(PostgresWriter(SearchSettings(folder="none", url=url, max_gb=1e6))) as writer:
        taken_s = filled(writer, drawn, time.perf_counter)
    print(f"pgvector: {drawn.rows / taken_s:.0f} taken in a second by the clock, its index built meanwhile", flush=True)
    with closing(PostgresIndex(url)) as index:
        return ["", "", *asked(index, queries, Filter(), truth, firsts, everything)[2:]]


def sighting(row: int, vector: NDArray[np.float16]) -> Sighting:
    camera = f"c{row % CAMERAS}"
    return Sighting(
        tracklet=f"{camera}|1.0|{row}",
        camera=camera,
        encoder=ENCODER,
        vector=vector.tobytes(),
        first_ns=row * NS,
        last_ns=row * NS,
        appended_ns=row,
        label="car",
        quality=0.5,
    )


def exact(drawn: Drawn, queries: Vectors, firsts: NDArray[np.int64]) -> tuple[NDArray[np.float32], list[list[str]]]:
    """Cosines (Q, rows) of everything; and lines of exact searches, where all vectors fit into memory as floats."""
    cosines, row = np.empty((len(queries), drawn.rows), np.float32), 0
    for batch in drawn.batches():
        cosines[:, row : row + len(batch)] = queries @ batch.astype(np.float32).T
        row += len(batch)
    if drawn.rows > EXACT_UP_TO:
        return cosines, []
    vectors, row = np.empty((drawn.rows, DIM), np.float32), 0
    for batch in drawn.batches():
        vectors[row : row + len(batch)] = batch
        row += len(batch)
    flat = load_faiss().IndexFlatIP(DIM)
    flat.add(vectors)
    best = np.argpartition(-cosines, TOP, axis=1)[:, :TOP]
    own = f"{((best >= firsts[:, None]) & (best < firsts[:, None] + SIGHTINGS_A_VEHICLE)).sum(1).mean() / 8:.3f}"
    works: dict[str, Callable[[Vectors], object]] = {
        "NumPy, exact": lambda query: np.argpartition(-(vectors @ query), TOP)[:TOP],
        "faiss flat": lambda query: flat.search(query[None], TOP),
    }
    lines = [
        [name, *percentiles([timed(partial(work, query)) for query in queries]), "1.000", own]
        for name, work in works.items()
    ]
    return cosines, lines


def asked(
    index: SightingsIndex | PostgresIndex,
    queries: Vectors,
    wanted: Filter,
    truth: NDArray[np.float32],
    firsts: NDArray[np.int64],
    admits: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
) -> list[str]:
    """Times and recalls of one kind of search."""
    every = np.arange(truth.shape[1])
    admitted = admits(every)
    index.nearest(ENCODER, queries[0], wanted, TOP)  # the first one warms up
    times, hits, mine, own = [], [], 0, 0
    for query, cosines, first in zip(queries, truth, firsts.tolist(), strict=True):
        began = Moment.now()
        found = index.nearest(ENCODER, query, wanted, TOP)
        times.append(began.passed())
        rows = {int(each.tracklet.rpartition("|")[2]) for each in index.sightings(found.ids.tolist()).values()}
        best = np.argpartition(-np.where(admitted, cosines, -2), TOP)[:TOP].tolist()
        hits.append(len(rows & set(best)) / TOP)
        true = [each for each in range(first, first + SIGHTINGS_A_VEHICLE) if admitted[each]]
        mine, own = mine + len(rows & set(true)), own + len(true)
    return [*percentiles(times), f"{np.mean(hits):.3f}", f"{mine / max(own, 1):.3f}"]


class Moment(NamedTuple):
    """Seconds of processor time of this process, and by the clock."""

    processor_s: float
    clock_s: float

    @classmethod
    def now(cls) -> Self:
        return cls(time.process_time(), time.perf_counter())

    def passed(self) -> Self:
        """Compute the seconds since then."""
        now = self.now()
        return type(self)(now.processor_s - self.processor_s, now.clock_s - self.clock_s)


def timed(work: Callable[[], object]) -> Moment:
    began = Moment.now()
    work()
    return began.passed()


def percentiles(times: list[Moment]) -> list[str]:
    """Median and 99th percentile of both, milliseconds."""
    return [f"{1e3 * float(np.percentile(column, at)):.1f}" for column in zip(*times, strict=True) for at in (50, 99)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--folder", type=Path, help="where the indexes are made; default: a temporary folder")
    parser.add_argument("--postgres", action="store_true", help="also a PostgreSQL server with pgvector, of our own")
    chosen = parser.parse_args()
    main(chosen.rows or (100_000,), chosen.folder, postgres=chosen.postgres)
