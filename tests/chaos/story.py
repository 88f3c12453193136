"""A story of faults on a log of one of the kinds, with a consumer that hears of everything meanwhile."""

import os
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from deploy.log.base import Log
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from ingest.errors import LogError
from tests.chaos.brokers.cluster import COPIES, three_brokers
from tests.chaos.brokers.faults import BrokerFaults
from tests.chaos.checker import EVERYTHING, Findings, check
from tests.chaos.site import ChaosSite, Place
from tests.chaos.traffic import new_associator
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.waiting import wait_until

SEEDS = range(int(os.environ.get("CORRIDOR_CHAOS_SEEDS", "1")))
VEHICLES = int(os.environ.get("CORRIDOR_CHAOS_VEHICLES", "40" if len(SEEDS) == 1 else "400"))
"""Of a story: its length."""
LONGEST_S = 300 + 3 * VEHICLES
IN_BRIEF = "too few copies in sync"
"""The only fault of three brokers where there is one seed: each takes some seconds."""


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Place]:
    """A place on one machine."""
    with _opening(lambda: SqliteLog(folder / "log.db")) as open_log:
        yield Place("sqlite", open_log)


@contextmanager
def on_kafka() -> Iterator[Place]:
    """A place on the broker that all tests share."""
    cluster = Cluster(servers(), _prefix())
    create_topics(cluster)
    with _opening(lambda: KafkaLog(cluster)) as open_log:
        yield Place("kafka", open_log)


@contextmanager
def on_three_brokers() -> Iterator[Place]:
    """A place on brokers that fail."""
    brokers = three_brokers()
    cluster = Cluster(brokers.servers, _prefix())
    wait_until(lambda: _has_topics(cluster))
    faults = BrokerFaults(brokers, cluster.prefix)
    chosen = tuple(each for each in faults if len(SEEDS) > 1 or each[0] == IN_BRIEF)
    try:
        with _opening(lambda: KafkaLog(cluster)) as open_log:
            yield Place("three brokers", open_log, chosen, faults.mended)
    finally:
        faults.mended()


def _has_topics(cluster: Cluster) -> bool:
    """Make the topics; brokers that have just come together may need a second time."""
    try:
        create_topics(cluster, replication=COPIES)
    except LogError:
        return False
    return True


def _prefix() -> str:
    return f"t{uuid.uuid4().hex[:8]}."


@contextmanager
def _opening(open_one: Callable[[], Log]) -> Iterator[Callable[[], Log]]:
    """Every process opens a log of its own; all are closed at the end."""
    logs: list[Log] = []

    def open_log() -> Log:
        logs.append(open_one())
        return logs[-1]

    yield open_log
    for log in logs:
        log.close()


class Consumer:
    """A plain kafka-python consumer of the events, beside everything that happens."""

    def __init__(self, cluster: Cluster) -> None:
        self.heard: list[bytes] = []
        self._stop = threading.Event()
        self._consumer: Any = KafkaConsumer(
            cluster.topic(TRAJECTORIES),
            bootstrap_servers=cluster.servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for records in self._consumer.poll(timeout_ms=50).values():
                self.heard += [record.value for record in records]
        self._consumer.close()

    def end_after(self, count: int) -> list[bytes]:
        wait_until(lambda: len(self.heard) >= count)
        self._stop.set()
        self._thread.join()
        return self.heard


@dataclass(frozen=True, slots=True)
class Told:
    """A story that has been played."""

    log: str
    seed: int
    faults: list[str]
    observations: int
    findings: Findings

    @property
    def counts(self) -> tuple[int, ...]:
        """Faults, observations, lost, duplicates, torn."""
        return (
            len(self.faults),
            self.observations,
            self.findings.lost,
            self.findings.duplicates,
            self.findings.torn,
        )

    def __str__(self) -> str:
        named = ", ".join(f"{number} {name}" for name, number in sorted(Counter(self.faults).items()))
        faults, observations, lost, duplicates, torn = self.counts
        counted = f"{observations} observations, {lost} lost, {duplicates} duplicates, {torn} torn"
        return f"{self.log}, seed {self.seed}: {faults} faults, {counted} ({named})"


STORIES: list[Told] = []
"""Those that were to end well."""


def play(place: Place, folder: Path, patch: pytest.MonkeyPatch, seed: int, faults: int | None = None) -> Told:
    """Play a story with so many faults, or each once."""
    log = place.open_log()
    consumer = Consumer(log.cluster) if isinstance(log, KafkaLog) else None
    site = ChaosSite(place, folder / "spool", patch, seed)
    try:
        site.run(faults=faults, vehicles=VEHICLES)
    finally:
        events = [record.value for record in log.read(TRAJECTORIES, 0, EVERYTHING)]
        heard = consumer.end_after(len(events)) if consumer is not None else events
    found = check(log, site.cameras.said, heard, new_associator(), folder / "again.db")
    told = Told(place.name, seed, site.faults, site.cameras.observations, found)
    print(told, flush=True)
    return told
