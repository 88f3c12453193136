"""Faults by seed: nothing is lost, nothing is said twice, and a replay gives the same bytes. `make chaos` has more."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.log.base import Addition
from deploy.log.kafka_appender import KafkaAppender
from deploy.log.kafka_writer import KafkaWriter
from deploy.log.spool import writer as spooled_writer
from deploy.log.spool.writer import SpoolThread
from ingest.errors import LogError
from tests.chaos.checker import EVERYTHING
from tests.chaos.site import ChaosSite, Fault, Place
from tests.chaos.story import LONGEST_S, SEEDS, STORIES, on_kafka, on_sqlite, play
from tests.integration.kafka_log.faults import record_given_up

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


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_said_twice_and_a_replay_gives_the_same(
    place: Place, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    STORIES.append(play(place, tmp_path, monkeypatch, seed, FAULTS))
    assert not STORIES[-1].findings.violations


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


SEND = KafkaAppender.send


def send_the_last_first(appender: KafkaAppender, additions: Sequence[Addition]) -> None:
    """What is handed over comes onto the log in another order: every reader drops an original that comes late."""
    SEND(appender, additions[::-1])


def lose_a_record(site: ChaosSite) -> Iterator[Fault]:
    yield "a record is given up", lambda: site._break_commit(record_given_up)
    yield "the cameras' connection breaks", site._cut


def both_go_on(site: ChaosSite) -> Iterator[Fault]:
    def with_the_same() -> None:
        before, site._worker = site._worker, site._new_worker()
        before._batch = site._worker._batch = EVERYTHING
        site.cameras.await_written()
        site._step()
        with suppress(LogError):
            before.step()

    yield "a rival takes the zone, and both go on with the same", with_the_same
    yield "cameras killed", site._kill_cameras


class Defect(NamedTuple):
    """A method that is replaced by a wrong one, the faults under which that shows, and what the checker says."""

    owner: type
    method: str
    wrong: Callable[..., object]
    harms: Callable[[ChaosSite], Iterator[Fault]]
    noticed: str


DEFECTS = {
    "no guard": Defect(KafkaWriter, "_run_transaction", unguarded, lose_a_record, "a replay|not whole"),
    "no fence": Defect(KafkaWriter, "_raise_if_fenced", lambda writer, found: None, both_go_on, "events twice"),
    "not from the first": Defect(SpoolThread, "_wait_for_the_log", skip_unacknowledged, lose_a_record, "messages lost"),
    "late originals": Defect(KafkaAppender, "send", send_the_last_first, lose_a_record, "messages lost"),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_the_checker_notices_what_the_guards_are_there_for(
    kafka: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: Defect
) -> None:
    monkeypatch.setattr(ChaosSite, "_harms", defect.harms)
    monkeypatch.setattr(defect.owner, defect.method, defect.wrong)
    found = play(kafka, tmp_path, monkeypatch, seed=0, faults=6).findings.violations
    assert any(re.search(defect.noticed, each) for each in found), found
