"""The open transaction of somebody else hides what lies behind it: that is waited for."""

import threading
import time

import pytest
from kafka import KafkaProducer

from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_state import Followed, OwnerState, OwnerStates, partition_of
from deploy.log.topics import ASSOCIATION_STATE, OBSERVATIONS
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.faults import Faults, commit_not_sent
from tests.integration.kafka_log.records import Opener, numbers, record

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_a_restore_does_not_miss_what_another_s_open_transaction_hides(open_log: Opener, prefix: str) -> None:
    """Readers of committed records stop at the first open transaction; the owner's last commit lies behind it."""
    log = open_log()
    writer = log.claim("zone/main")
    writer.commit([record(1)], position=1)
    other = open_transaction(prefix)
    writer.commit([record(2)], state={"k": b"2"}, position=2)
    timer = threading.Timer(1.0, other.abort_transaction)
    timer.start()
    began = time.monotonic()
    again = open_log().claim("zone/main")
    waited_s = time.monotonic() - began
    timer.join()
    other.close(timeout=1)
    assert (again.generation, again.position, dict(again.state)) == (2, 2, {"k": b"2"})
    assert waited_s > 0.5


def test_an_owner_comes_back_though_another_s_open_transaction_hides_its_claim(
    open_log: Opener, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be read is older than the owner itself; that is no reason to think the name lost."""
    others: list[KafkaProducer] = []
    settled = OwnerStates.read_settled

    def settled_just_before(states: OwnerStates, owner: str, known: Followed | None = None) -> OwnerState:
        restored = settled(states, owner, known)
        if not others:
            others.append(open_transaction(prefix))
        return restored

    monkeypatch.setattr(OwnerStates, "read_settled", settled_just_before)
    log = open_log()
    writer = log.claim("zone/main")
    assert OwnerStates(Cluster(servers(), prefix)).read_committed("zone/main").commit.generation == 0
    timer = threading.Timer(1.0, others[0].abort_transaction)
    commit_not_sent(Faults(monkeypatch))
    timer.start()
    writer.commit([record(1)], position=1)
    timer.join()
    others[0].close(timeout=1)
    assert numbers(log) == [1]


def test_what_this_process_has_committed_is_waited_for(open_log: Opener, prefix: str) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    other = open_transaction(prefix, OBSERVATIONS, 0)
    writer.commit([record(1)])
    assert open_log().read(OBSERVATIONS, 0, 10) == []
    timer = threading.Timer(0.5, other.abort_transaction)
    timer.start()
    assert numbers(log) == [1]
    timer.join()
    other.close(timeout=1)


def open_transaction(
    prefix: str, topic: str = ASSOCIATION_STATE, partition: int = partition_of("zone/main")
) -> KafkaProducer:
    """A transaction of somebody else, left open; by default in the partition of the zone's state."""
    producer = Cluster(servers(), prefix).producer("somebody")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(f"{prefix}{topic}", b"{}", b"somebody", partition=partition).get(timeout=10)
    return producer
