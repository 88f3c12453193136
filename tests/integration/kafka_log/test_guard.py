"""The guard of a commit: whatever fails in the middle, it is written once or not at all."""

from collections.abc import Callable

import pytest
from kafka import KafkaProducer

from deploy.log.topics import TRAJECTORIES
from ingest.errors import LogError
from tests.integration.kafka_log.faults import (
    Faults,
    commit_done_but_unanswered,
    commit_hangs,
    commit_not_sent,
    flush_not_back,
    record_given_up,
    record_refused,
)
from tests.integration.kafka_log.records import Opener, numbers, record

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.mark.parametrize(
    "fault",
    [
        record_given_up,
        record_refused,
        flush_not_back,
        commit_not_sent,
        commit_done_but_unanswered,
        commit_hangs,
    ],
)
def test_the_guard_makes_a_fault_exactly_once(
    fault: Callable[[Faults], None], open_log: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    writer.commit([record(1)], position=1)
    producer = writer._producer
    fault(Faults(monkeypatch))
    writer.commit([record(2), record(2, TRAJECTORIES)], state={"k": b"2"}, position=2)
    assert writer._producer is not producer
    writer.commit([record(3)], position=3)
    assert numbers(log) == [1, 2, 3]
    assert numbers(log, TRAJECTORIES) == [2]
    again = open_log().claim("zone/main")
    assert (again.generation, again.position, dict(again.state)) == (2, 3, {"k": b"2"})


def test_a_record_given_up_is_never_committed_without(
    open_log: Opener, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's defect that the guard is there for: its own commit would go through."""
    log = open_log(commit_timeout_s=1.0)
    writer = log.claim("zone/main")
    commits: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(KafkaProducer, "commit_transaction", commits.append)
        for _ in range(50):
            record_given_up(Faults(patch))
        with pytest.raises(LogError, match="nothing of it was written"):
            writer.commit([record(1)], position=1)
    assert not commits
    assert numbers(log) == []
    writer.commit([record(1)], position=1)
    assert numbers(log) == [1]


def test_a_defect_of_ours_in_the_middle_leaves_nothing(open_log: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_log()
    writer = log.claim("zone/main")

    def broken(flush: Callable[[], object]) -> object:
        raise RuntimeError("a defect")

    Faults(monkeypatch).once("flush", broken)
    with pytest.raises(RuntimeError):
        writer.commit([record(1)], position=1)
    with pytest.raises(LogError, match="start it again"):
        writer.commit([record(1)], position=1)
    again = open_log()
    assert again.claim("zone/main").position == 0
    assert numbers(again) == []
