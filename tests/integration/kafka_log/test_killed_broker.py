"""A broker that is killed, for a moment or for good."""

import gc
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.log import kafka_appender, kafka_writer
from deploy.log.brokers import access
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from ingest.errors import ConfigError, LogError
from tests.contracts.kafka_broker import Broker, new_broker
from tests.integration.kafka_log.camera import camera_of
from tests.integration.kafka_log.records import numbers, record
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="module")
def mortal() -> Iterator[Broker]:
    """A broker to be killed: one with few topics, since it goes through all of them when it starts again."""
    broker = new_broker()
    create_topics(Cluster(broker.servers))
    yield broker
    broker.discard()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


def test_a_broker_that_is_killed_loses_and_doubles_nothing(mortal: Broker) -> None:
    log, reader = KafkaLog(Cluster(mortal.servers)), KafkaLog(Cluster(mortal.servers))
    writer = log.claim("zone/main")
    stop, failures = threading.Event(), []
    seen: list[int] = []

    def commit() -> None:
        try:
            while not stop.is_set():
                number = writer.position + 1
                records = [record(number), record(number, TRAJECTORIES)]
                writer.commit(records, state={"count": str(number).encode()}, position=number)
        except BaseException as failure:
            failures.append(failure)

    def read() -> None:
        after = 0
        try:
            while not stop.is_set():
                found = reader.read(OBSERVATIONS, after, 50)
                seen.extend(int(stored.value) for stored in found)
                after = found[-1].offset if found else after
                time.sleep(0.01)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for work in (commit, read)]
    for thread in threads:
        thread.start()
    try:
        for kills in range(3):
            if kills:
                mortal.kill()
                mortal.start()
            enough = writer.position + 20
            wait_until(lambda enough=enough: writer.position > enough or bool(failures))  # type: ignore[misc]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    expected = list(range(1, writer.position + 1))
    assert numbers(log) == expected
    assert numbers(log, TRAJECTORIES) == expected
    assert seen == expected[: len(seen)]
    again = reader.claim("zone/main")
    assert (again.position, again.state["count"]) == (writer.position, str(writer.position).encode())
    log.close()
    reader.close()


@pytest.mark.parametrize(
    "silence_s", [60.0, 0.5], ids=["the producer lives through it", "it is given up for a new one"]
)
def test_a_killed_broker_costs_a_camera_no_record(
    mortal: Broker, silence_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_appender, "SILENCE_S", silence_s)
    log = KafkaLog(Cluster(mortal.servers))
    before = log.end(OBSERVATIONS)
    writer = camera_of(log, tmp_path)
    for number in range(100):
        if number == 50:
            mortal.kill()
        writer.commit([record(number)])
    time.sleep(1.0)
    mortal.start()
    wait_until(lambda: writer.held == 0)
    writer.close()
    found = [int(stored.value) for stored in log.read(OBSERVATIONS, before, 100_000)]
    assert list(dict.fromkeys(found)) == list(range(100))
    assert silence_s < 1 or found == list(range(100))  # one producer says nothing twice
    log.close()


def test_a_broker_that_stays_away_ends_in_an_error(mortal: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REQUEST_TIMEOUT_S", 1.0)
    for module in (access, kafka_writer):
        monkeypatch.setattr(module, "DELIVERY_TIMEOUT_S", 2.0)
    log = KafkaLog(Cluster(mortal.servers), commit_timeout_s=2.0)
    writer = log.claim("zone/other")
    writer.commit([record(1, TRAJECTORIES)], position=1)
    before = numbers(log, TRAJECTORIES)
    mortal.kill()
    try:
        began = time.monotonic()
        with pytest.raises(LogError, match=r"cannot commit for 'zone/other' to Kafka at .*nothing of it was written"):
            writer.commit([record(2, TRAJECTORIES)], position=2)
        assert time.monotonic() - began < 30
        with pytest.raises(ConfigError, match="no Kafka broker answers"):
            KafkaLog(Cluster(mortal.servers), connect_timeout_s=0.2)
    finally:
        mortal.start()
    assert writer.position == 1
    successor = log.claim("zone/other")
    assert successor.position == 1
    successor.commit([record(2, TRAJECTORIES)], position=2)
    assert numbers(log, TRAJECTORIES) == [*before, 2]
    log.close()
