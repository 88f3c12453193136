"""`python -m tests.bench kafka_guard`: what guarded commits cost beside plain records, at RF 1 and RF 3.

Records of 1 kB, by one process: plain ones are sent by an idempotent producer that waits for all of them at the end;
beside the commits of `KafkaWriter` stand the client's own transactions. By turns, medians of three rounds.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

from kafka import KafkaProducer

from deploy.log.base import Record
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import TRAJECTORIES
from tests.bench.measure import interleaved, rate, table
from tests.chaos.brokers.cluster import COPIES, Brokers
from tests.contracts.kafka_broker import Broker, started

SIZES = (10, 100, 500)
"""Records of a commit."""
COMMITS = 20
BYTES = 1000


def main() -> None:
    rows = []
    for copies in (1, COPIES):
        with _brokers(copies) as servers:
            for row in _rows(servers, copies):
                rows.append([f"RF {copies}", *row])
                print(*rows[-1], flush=True)
    table(["copies", "records a commit", "plain, records/s", "client's own", "guarded", "guarded / plain"], rows)


@contextmanager
def _brokers(copies: int) -> Iterator[str]:
    """One broker or three of one's own; their address without proxies."""
    if copies == 1:
        broker = started(Broker)
        try:
            yield broker.servers
        finally:
            broker.discard()
    else:
        brokers = started(Brokers)
        try:
            yield brokers.direct
        finally:
            brokers.discard()


def _rows(servers: str, copies: int) -> Iterator[list[str]]:
    cluster = Cluster(servers, f"{uuid.uuid4().hex[:8]}.")
    create_topics(cluster, replication=copies)
    topic, value = cluster.topic(TRAJECTORIES), os.urandom(BYTES)
    plain = cluster.appending_producer()
    own = cluster.producer("zone/own")
    own.init_transactions()
    with closing(KafkaLog(cluster)) as log, closing(plain):
        writer = log.claim("zone/guarded")

        def send(producer: KafkaProducer, size: int) -> None:
            for _ in range(size):
                producer.send(topic, value, b"key", partition=0)

        def plainly(size: int) -> None:
            send(plain, COMMITS * size)
            plain.flush()

        def unguarded(size: int) -> None:
            for _ in range(COMMITS):
                own.begin_transaction()
                send(own, size)
                own.commit_transaction()

        def guarded(size: int) -> None:
            for _ in range(COMMITS):
                writer.commit([Record(TRAJECTORIES, "key", value)] * size)

        ways: dict[str, Callable[[int], None]] = {"plain": plainly, "client": unguarded, "guarded": guarded}
        for way in ways.values():
            way(1)
        for size in SIZES:
            works = {name: partial(rate, COMMITS * size, partial(way, size)) for name, way in ways.items()}
            found = interleaved(works)
            yield [str(size), *(f"{found[name]:.0f}" for name in ways), f"{found['guarded'] / found['plain']:.2f}"]
    own.close()
