"""A camera process of these benches: its share of a site's cameras, said in real time onto Kafka.

`python -m tests.bench.kafka.cameras` with a `Share` as JSON; it prints what it cost, as JSON, when it has said all.
"""

import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from deploy.log.base import Record, Writer
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.spool.writer import SpooledWriter, SpoolThread
from deploy.log.topics import OBSERVATIONS
from embed.observation import encode
from ingest.clock import NS
from tests.bench.association_city.logs import moved
from tests.bench.association_scale.stream import START_NS, Site, arrivals

DIM = 192
"""Numbers of a vector: a record has 0.9 kB."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one process says.

    writer: `transactions` (a writer a camera, as it was), `spool` (as it is), `none` (to see what saying alone costs).
    part, parts: which cameras of the site. starts_ns: when the stream begins, Unix nanoseconds.
    """

    servers: str
    writer: Literal["transactions", "spool", "none"]
    folder: str
    starts_ns: int
    seconds: float
    cameras: int
    vehicles_per_s: float
    part: int = 0
    parts: int = 1


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has said, with its processor seconds, start and end left out."""

    records: int
    cpu_s: float
    wall_s: float
    held: int
    dropped: int


class WrittenBehind:
    """A camera's transactional writer with a thread of its own, as `observe` had until decision 0023."""

    def __init__(self, writer: Writer) -> None:
        self.generation, self.held, self.dropped = writer.generation, 0, 0
        self._writer = writer
        self._pending: deque[Record] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def commit(self, records: Sequence[Record]) -> None:
        with self._changed:
            self._pending.extend(records)
            self._changed.notify_all()

    def close(self) -> None:
        while self._pending:
            time.sleep(0.01)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending)
                batch = [self._pending.popleft() for _ in range(min(500, len(self._pending)))]
            self._writer.commit(batch, state={"progress": b"x"})


def site_of(share: Share) -> Site:
    return Site(cameras=share.cameras, vehicles_per_s=share.vehicles_per_s, dim=DIM, views=4)


def said(share: Share) -> list[tuple[int, str, bytes]]:
    """When each message of this process is due (Unix nanoseconds), its camera, and its record."""
    site, shift_ns = site_of(share), share.starts_ns - START_NS
    mine = set(site.names[share.part :: share.parts])
    counts, found = Counter[str](), []
    for arrival in arrivals(site, share.seconds):
        camera = arrival.message.camera
        if camera in mine:
            counts[camera] += 1
            message = msgspec.structs.replace(moved(arrival.message, shift_ns), count=counts[camera])
            found.append((message.at_ns, camera, encode(message)))
    return found


def writers_of(share: Share, cameras: Sequence[str]) -> dict[str, SpooledWriter | WrittenBehind]:
    log = KafkaLog(Cluster(share.servers))
    if share.writer == "transactions":
        return {camera: WrittenBehind(log.claim(f"camera/{camera}")) for camera in cameras}
    claimed = {camera: log.claim_to_append(f"camera/{camera}") for camera in cameras}
    spool = Spool(Path(share.folder), frozenset(f"camera/{camera}" for camera in cameras), started_ns=time.time_ns())
    thread = SpoolThread(log.appender(), Backlog(spool, limit_bytes=16e6 * len(cameras)), log.claims)
    writers = {camera: SpooledWriter(thread, f"camera/{camera}", writer) for camera, writer in claimed.items()}
    thread.start()
    return dict(writers)


def main() -> None:
    share = msgspec.json.decode(sys.argv[1], type=Share)
    everything = said(share)
    cameras = sorted({camera for _, camera, _ in everything})
    writers = writers_of(share, cameras) if share.writer != "none" else {}
    print("ready", flush=True)
    time.sleep(max(0.0, (share.starts_ns - time.time_ns()) / NS))
    began_cpu_s, began_s = time.process_time(), time.monotonic()
    for due_ns, camera, record in everything:
        if (early_s := (due_ns - time.time_ns()) / NS) > 0:
            time.sleep(early_s)
        if writers:
            writers[camera].commit([Record(OBSERVATIONS, camera, record)])
    cpu_s, wall_s = time.process_time() - began_cpu_s, time.monotonic() - began_s
    closing = [threading.Thread(target=writer.close) for writer in writers.values()]
    for each in closing:
        each.start()
    for each in closing:
        each.join()
    held, dropped = (sum(getattr(writer, name) for writer in writers.values()) for name in ("held", "dropped"))
    cost = Cost(records=len(everything), cpu_s=cpu_s, wall_s=wall_s, held=held, dropped=dropped)
    print(msgspec.json.encode(cost).decode(), flush=True)


if __name__ == "__main__":
    main()
