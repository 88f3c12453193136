"""A log of many identities: how fast the index takes it in, how soon pages come, how much memory the server has.

Every identity is seen by two cameras: two events and two observations each.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit, event_id
from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.config import parse_config
from deploy.web.server import make_site, serving
from embed.observation import TrackletState, encode
from ingest.clock import SystemClock
from tests.bench.measure import resident_mb, table
from tests.deploy.web.client import Client
from tests.deploy.web.town import QUICK, TOML
from tests.embed.samples import observation

SIZES = (1_000, 100_000)
REQUESTS = 15
BATCH = 2_000
PATHS = (
    "/api/v1/identities",
    "/identities",
    "/api/v1/identities?camera=b&cameras=2&probability=0.9",
    "/api/v1/identities?colour=red",
    "/identities/z-500",
    "/api/v1/under-way",
    "/api/v1/travel-times",
)


def records(count: int) -> Iterator[Record]:
    """The records of so many identities, one a second."""
    for number in range(count):
        enter_s = 10.0 + number
        visits: list[Visit] = []
        for place, camera in enumerate("ab"):
            seen = observation(
                camera, number, at_s=enter_s + 3, first_s=enter_s, state=TrackletState.CLOSED, boxes=1, dim=16
            )
            yield Record(OBSERVATIONS, camera, encode(seen))
            visit = Visit(camera=camera, observation=seen.id, enter_ns=seen.first_ns, leave_ns=seen.last_ns)
            visits = [*visits, visit]
            evidence = Evidence(probability=0.95, similarity=0.8 if place else None, appearance=3.0 if place else None)
            event = TrajectoryEvent(
                id=event_id("z", seen.id, 0),
                zone="z",
                kind=Kind.EXTENDED if place else Kind.CONFIRMED,
                identity=f"z-{number}",
                revision=place + 1,
                at_ns=seen.at_ns,
                decided_by=seen.id,
                label="vehicle",
                visits=visits,
                observation=seen.id,
                evidence=evidence,
            )
            yield Record(TRAJECTORIES, event.identity, encode_event(event))
            enter_s += 9


def main() -> None:
    rows, times = [], {path: [path] for path in PATHS}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            os.chdir(name)
            taken_s, memory_mb, found = measure(Path(name), size)
            os.chdir("/")
        rows.append([f"{size:,}", f"{4 * size / taken_s:,.0f}", f"{memory_mb:.0f}"])
        for path, each in found.items():
            times[path].append(f"{each[len(each) // 2] * 1000:.0f} / {each[-1] * 1000:.0f}")
    table(["identities", "records a second", "memory, MB"], rows)
    table(["median / slowest of 15, ms", *(f"{size:,}" for size in SIZES)], [*times.values()])


def measure(folder: Path, size: int) -> tuple[float, float, dict[str, list[float]]]:
    """Seconds to take a log in, memory afterwards, and the sorted seconds of the requests by path."""
    config = parse_config(TOML.format(keep="false"), str(folder / "town.toml"))
    log = SqliteLog(folder / "runs/town/corridor.db")
    writer, all_records = log.claim("all"), records(size)
    while page := list(islice(all_records, BATCH)):
        writer.commit(page)
    site = make_site(config, folder / "town.toml", log, "127.0.0.1", hasher=QUICK)
    began_s, clock = time.perf_counter(), SystemClock()
    with serving(site, "127.0.0.1", 0) as served:
        while site.index.position(TRAJECTORIES) < log.end(TRAJECTORIES):
            clock.sleep(0.05)
        taken_s = time.perf_counter() - began_s
        client = Client(served.port)
        found = {path: sorted(timed(client, path) for _ in range(REQUESTS)) for path in PATHS}
        memory_mb = resident_mb()
    log.close()
    return taken_s, memory_mb, found


def timed(client: Client, path: str) -> float:
    began_s = time.perf_counter()
    assert client.get(path).status == 200, path
    return time.perf_counter() - began_s
