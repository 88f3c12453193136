"""Faults by seed: nothing is lost, nothing is said twice, and a replay gives the same bytes. `make chaos` has more."""

import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from deploy.log.base import Log
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_writer import KafkaWriter
from deploy.log.spool import writer as spooled_writer
from deploy.log.spool.writer import SpoolThread
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from tests.chaos.checker import EVERYTHING, violations
from tests.chaos.site import ChaosSite, new_associator, summary
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SEEDS = range(int(os.environ.get("CORRIDOR_CHAOS_SEEDS", "1")))
FAULTS = 25


class Place:
    """A log of a kind for one story; every process opens its own."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind, self._folder = kind, folder
        self.prefix = f"t{uuid.uuid4().hex[:8]}."
        self._logs: list[Log] = []
        if kind == "kafka":
            create_topics(Cluster(servers(), self.prefix))

    def open(self) -> Log:
        if self._kind == "kafka":
            self._logs.append(KafkaLog(Cluster(servers(), self.prefix)))
        else:
            self._logs.append(SqliteLog(self._folder / "log.db"))
        return self._logs[-1]

    def close(self) -> None:
        for log in self._logs:
            log.close()


@pytest.fixture(params=["sqlite", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Place(str(request.param), tmp_path)
    yield made
    made.close()


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Place]:
    made = Place("kafka", tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_writer, "RETRY_S", 0.05)


class Consumer:
    """A plain kafka-python consumer of the events, beside everything that happens."""

    def __init__(self, prefix: str) -> None:
        self.heard: list[bytes] = []
        self._stop = threading.Event()
        self._consumer: Any = KafkaConsumer(
            f"{prefix}{TRAJECTORIES}",
            bootstrap_servers=servers(),
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


def play(place: Place, folder: Path, patch: pytest.MonkeyPatch, seed: int, faults: int = FAULTS) -> list[str]:
    """Play a story; returns what does not hold after it."""
    log = place.open()
    consumer = Consumer(place.prefix) if isinstance(log, KafkaLog) else None
    site = ChaosSite(place.open, folder / "spool", patch, seed)
    try:
        site.run(faults=faults)
    finally:
        count = len(log.read(TRAJECTORIES, 0, EVERYTHING))
        heard = consumer.end_after(count) if consumer is not None else None
    print(f"seed {seed}: {len(site.cameras.said)} messages, {count} events; {summary(site.faults)}")
    events = [record.value for record in log.read(TRAJECTORIES, 0, EVERYTHING)]
    return violations(log, site.cameras.said, events if heard is None else heard, new_associator(), folder / "again.db")


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_said_twice_and_a_replay_gives_the_same(
    place: Place, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert play(place, tmp_path, monkeypatch, seed) == []


def unguarded(writer: KafkaWriter, transaction: Any) -> None:
    """A commit as the client alone makes it: it succeeds without a record that was given up."""
    producer = writer._producer
    producer.begin_transaction()
    for each in transaction:
        producer.send(each.topic, each.value, each.key, partition=each.partition, timestamp_ms=each.timestamp_ms)
    producer.commit_transaction()


def skip_unacknowledged(thread: SpoolThread, error: Exception) -> float:
    """After an error the thread goes on behind what it has sent, and what was not acknowledged never comes again."""
    thread._backlog.acknowledge(thread._sent)
    thread._sent = 0
    return 0.01


DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "no guard": (lambda patch: patch.setattr(KafkaWriter, "_run_transaction", unguarded), "a replay|not whole"),
    "not from the first": (
        lambda patch: patch.setattr(SpoolThread, "_wait_for_the_log", skip_unacknowledged),
        "messages lost",
    ),
}


@pytest.mark.parametrize(("defect", "noticed"), DEFECTS.values(), ids=DEFECTS)
def test_the_checker_notices_what_the_guards_are_there_for(
    kafka: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    defect: Callable[[pytest.MonkeyPatch], None],
    noticed: str,
) -> None:
    from tests.integration.kafka_log.faults import record_given_up

    def every_fault_loses_a_record(site: ChaosSite) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "a record is given up", lambda: site._break_commit(record_given_up)
        yield "the cameras' connection breaks", site._cut

    monkeypatch.setattr(ChaosSite, "_harms", every_fault_loses_a_record)
    defect(monkeypatch)
    found = play(kafka, tmp_path, monkeypatch, seed=0, faults=12)
    assert any(re.search(noticed, each) for each in found), found
