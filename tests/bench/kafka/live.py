"""`python -m tests.bench kafka_live`: what writing costs, how long it takes, and what a killed camera process does.

Each with the writer as it is, and with a transactional writer a camera, as it was. Cost: twenty cameras in one process,
200 records a second. Delays and kill: two processes of ten cameras, a quarter of the traffic, and association beside.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import decode as decode_event
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.association_worker import AssociationWorker
from embed.observation import decode
from ingest.clock import NS
from tests.bench.association_scale.stream import ENCODER
from tests.bench.kafka.cameras import Cost, Share, site_of
from tests.bench.kafka.outage import start
from tests.bench.measure import table
from tests.contracts.kafka_broker import new_broker

WRITERS: tuple[Literal["transactions", "spool"], ...] = ("transactions", "spool")
COST_S, DELAYS_S, AFTER_KILL_S = 40, 60, 45
READY_S = 40.0
FAST, SLOW = 38.0, 4.0
"""Vehicles a second: 200 and 40 records a second of twenty cameras."""


@dataclass(slots=True)
class Heard:
    """What a consumer has heard: the wall time of each record, Unix nanoseconds, with its camera and event time."""

    observations: list[tuple[int, str, int]] = field(default_factory=list)
    events: list[tuple[int, int]] = field(default_factory=list)


def main() -> None:
    costs = [_cost("none"), *(_cost(writer) for writer in WRITERS)]
    saying_s = costs[0].cpu_s / costs[0].records
    print(f"\n20 cameras in one process, {costs[0].records / costs[0].wall_s:.0f} records a second\n")
    rows = []
    for writer, cost in zip(WRITERS, costs[1:], strict=True):
        each_s = cost.cpu_s / cost.records - saying_s
        rows.append([writer, f"{each_s * 1e6:.0f}", f"{each_s * cost.records / cost.wall_s:.3f}"])
    table(["writer", "processor a record, µs", "cores"], rows)
    rows = [row for writer in WRITERS for row in _delays(writer)]
    print("\n2 processes of 10 cameras; association beside; one is killed after a minute\n")
    table(
        [
            "writer",
            "capture to log, p50",
            "p95",
            "capture to event, p50",
            "p95",
            "after the kill: nothing readable for",
            "next decision after",
        ],
        rows,
    )


def _cost(writer: Literal["transactions", "spool", "none"]) -> Cost:
    with _site(writer, vehicles_per_s=FAST, seconds=COST_S, parts=1) as (share, _):
        (process,) = start(share)
        return msgspec.json.decode(process.communicate()[0].splitlines()[-1], type=Cost)


def _delays(writer: Literal["transactions", "spool"]) -> Iterator[list[str]]:
    seconds = DELAYS_S + AFTER_KILL_S + 5
    with _site(writer, vehicles_per_s=SLOW, seconds=seconds, parts=2) as (share, log):
        heard, stop = Heard(), threading.Event()
        associator = Associator(AssociateSettings(zone="bench"), cameras=site_of(share).names, encoder=ENCODER)
        worker = AssociationWorker(KafkaLog(Cluster(share.servers)), "bench", associator)
        works: list[Callable[[], None]] = [lambda: worker.run(stop), lambda: _listen(log, heard, stop)]
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        killed, survivor = start(share)
        time.sleep(max(0.0, share.starts_ns / NS + DELAYS_S - time.time()))
        killed.kill()
        killed_ns = time.time_ns()
        time.sleep(AFTER_KILL_S)
        survivor.communicate()
        stop.set()
        for thread in threads:
            thread.join()
    before = [(at_ns - said_ns) / NS for at_ns, _, said_ns in heard.observations if said_ns < killed_ns - 5 * NS]
    events = [(at_ns - event_ns) / NS for at_ns, event_ns in heard.events if event_ns < killed_ns - 20 * NS]
    mine = set(site_of(share).names[1::2])
    readable = [at_ns for at_ns, camera, _ in heard.observations if camera in mine and at_ns > killed_ns - NS]
    blind_s = max(np.diff([killed_ns, *(at for at in readable if at > killed_ns)])) / NS
    decided_s = min((at_ns - killed_ns) / NS for at_ns, event_ns in heard.events if event_ns > killed_ns)
    numbers = [*np.percentile(before, [50, 95]), *np.percentile(events, [50, 95]), blind_s, decided_s]
    yield [writer, *(f"{number:.2f} s" for number in numbers)]


@contextmanager
def _site(
    writer: Literal["transactions", "spool", "none"], *, vehicles_per_s: float, seconds: float, parts: int
) -> Iterator[tuple[Share, KafkaLog]]:
    broker = new_broker()
    create_topics(Cluster(broker.servers))
    with tempfile.TemporaryDirectory() as name, closing(KafkaLog(Cluster(broker.servers))) as log:
        yield (
            Share(
                servers=broker.servers,
                writer=writer,
                folder=str(Path(name) / "spool"),
                starts_ns=time.time_ns() + round(READY_S * NS),
                seconds=seconds,
                cameras=20,
                vehicles_per_s=vehicles_per_s,
                parts=parts,
            ),
            log,
        )
    broker.discard()


def _listen(log: KafkaLog, heard: Heard, stop: threading.Event) -> None:
    """Read both topics as they grow."""
    observed = told = 0
    while not stop.wait(0.01):
        for record in log.read(OBSERVATIONS, observed, 1000):
            observed, message = record.offset, decode(record.value)
            heard.observations.append((time.time_ns(), record.key, message.at_ns))
        for record in log.read(TRAJECTORIES, told, 1000):
            told, event = record.offset, decode_event(record.value)
            heard.events.append((time.time_ns(), event.at_ns))
