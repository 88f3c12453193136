"""Faults by seed: nothing is lost, nothing is said twice, and a replay gives the same bytes. `make chaos` has more."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.log.kafka_writer import KafkaWriter
from deploy.log.spool import writer as spooled_writer
from deploy.log.spool.writer import SpoolThread
from tests.chaos.site import ChaosSite, Fault, Place
from tests.chaos.story import SEEDS, on_kafka, on_sqlite, play

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

FAULTS = 25


@pytest.fixture(params=["sqlite", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with on_kafka() if request.param == "kafka" else on_sqlite(tmp_path) as made:
        yield made


@pytest.fixture
def kafka() -> Iterator[Place]:
    with on_kafka() as made:
        yield made


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled_writer, "RETRY_S", 0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_said_twice_and_a_replay_gives_the_same(
    place: Place, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert play(place, tmp_path, monkeypatch, seed, FAULTS) == []


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

    def every_fault_loses_a_record(site: ChaosSite) -> Iterator[Fault]:
        yield "a record is given up", lambda: site._break_commit(record_given_up)
        yield "the cameras' connection breaks", site._cut

    monkeypatch.setattr(ChaosSite, "_harms", every_fault_loses_a_record)
    defect(monkeypatch)
    found = play(kafka, tmp_path, monkeypatch, seed=0, faults=12)
    assert any(re.search(noticed, each) for each in found), found
