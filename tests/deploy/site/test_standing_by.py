"""Beats of association, and a session that stands by: with clocks and logs of the test's own."""

import threading
from pathlib import Path

import pytest

from deploy.log.kafka_standby import Standby
from deploy.log.sqlite_log import SqliteLog, SqliteWriter
from deploy.site.association_worker import STUCK_S, AssociationWorker
from deploy.site.session import run_association
from ingest.clock import ManualClock
from ingest.errors import FencedError, LogError
from tests.associate.samples import associator, convoy
from tests.deploy.site.test_association_worker import publish, values_of


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    return SqliteLog(tmp_path / "log.db")


def test_association_that_works_beats_and_one_that_hangs_does_not(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[SqliteWriter] = []
    monkeypatch.setattr(SqliteWriter, "beat", lambda writer: beats.append(writer))
    clock = ManualClock()
    worker = AssociationWorker(log, "z", associator(), clock=clock)
    worker.beat()
    clock.sleep(STUCK_S + 1)
    worker.beat()
    assert len(beats) == 1
    publish(log, convoy(1))
    worker.run(threading.Event(), once=True)
    worker.beat()
    assert len(beats) == 2


def test_a_beat_that_fails_stops_nothing_and_one_that_is_fenced_ends_association(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = AssociationWorker(log, "z", associator())

    def fail(_: SqliteWriter, error: Exception) -> None:
        raise error

    monkeypatch.setattr(SqliteWriter, "beat", lambda writer: fail(writer, LogError("away")))
    worker.beat()
    publish(log, convoy(2))
    worker.run(threading.Event(), once=True)
    assert values_of(log)
    monkeypatch.setattr(SqliteWriter, "beat", lambda writer: fail(writer, FencedError("another has it")))
    worker.beat()
    with pytest.raises(FencedError, match="another has it"):
        worker.run(threading.Event(), once=True)


class Turns(Standby):
    """One whose turn comes or not."""

    def __init__(self, *turns: bool) -> None:
        self.turns, self.generations = list(turns), list[int]()

    def wait(self, stop: threading.Event, *, own_generation: int = 0) -> bool:
        self.generations.append(own_generation)
        return self.turns.pop(0)


def test_whose_turn_never_comes_claims_nothing(log: SqliteLog) -> None:
    worker = run_association(lambda: pytest.fail("it was made"), patient=True, standby=Turns(False))
    assert worker is None


def test_after_a_fault_of_the_log_another_owner_is_waited_for(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(log, convoy(2))
    faults = [LogError("away")]
    step = AssociationWorker.step

    def step_or_fail(worker: AssociationWorker) -> int:
        if faults:
            raise faults.pop()
        return step(worker)

    monkeypatch.setattr(AssociationWorker, "step", step_or_fail)
    turns = Turns(True, True)
    worker = run_association(lambda: AssociationWorker(log, "z", associator()), patient=True, once=True, standby=turns)
    assert worker is not None
    assert turns.generations == [0, 1]
    assert worker.generation == 2
    assert worker.caught_up
