"""Who owns a name: the last to claim it, and nobody else writes."""

import threading

import pytest

from deploy.log import kafka_writer
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_state import OwnerState, OwnerStates
from ingest.errors import ConfigError, FencedError
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.records import Opener, numbers, record

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_of_two_association_writers_the_first_is_fenced(open_log: Opener) -> None:
    first, second = open_log(), open_log()
    writer = first.claim("zone/main")
    started, fenced = threading.Event(), []

    def commit() -> None:
        try:
            while True:
                writer.commit([record(writer.position + 1)], position=writer.position + 1)
                started.set()
        except FencedError as error:
            fenced.append(error)

    thread = threading.Thread(target=commit)
    thread.start()
    started.wait(10)
    successor = second.claim("zone/main")
    taken_over_at = successor.position
    for _ in range(10):
        successor.commit([record(successor.position + 1)], position=successor.position + 1)
    thread.join(20)
    assert len(fenced) == 1
    assert writer.position == taken_over_at
    assert successor.position == taken_over_at + 10
    assert numbers(second) == list(range(1, successor.position + 1))


def test_an_owner_that_is_fenced_by_its_own_past_goes_on(open_log: Opener, prefix: str) -> None:
    """A stray producer of an earlier life takes the epoch but puts no generation down."""
    log = open_log()
    writer = log.claim("zone/main")
    stray = Cluster(servers(), prefix).producer("zone/main")
    try:
        stray.init_transactions()
        writer.commit([record(1)], position=1)
    finally:
        stray.close(timeout=1)
    assert numbers(log) == [1]
    assert writer.generation == 1


def test_who_lost_the_name_in_the_last_moment_is_fenced(open_log: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new owner comes between the look at the log and the new producer: the log is asked again."""
    monkeypatch.setattr(kafka_writer, "STAND_BACK_S", 0.0)
    writer = open_log().claim("zone/main")
    log = open_log()
    log.claim("zone/main").commit([record(1)])
    monkeypatch.setattr(OwnerStates, "read_committed", lambda *_: OwnerState(writer._last))
    with pytest.raises(FencedError):
        writer.commit([record(666)])
    assert numbers(log) == [1]


def test_an_owner_s_name_cannot_be_mistaken_for_a_key(open_log: Opener) -> None:
    with pytest.raises(ConfigError, match="must not hold"):
        open_log().claim("camera/a|b")
