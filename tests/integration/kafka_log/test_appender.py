"""Appends of a camera process on a real broker: in order, readable at once, and by nobody else's leave."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.log import kafka_appender
from deploy.log.base import Addition, Record
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import ASSOCIATION_STATE, OBSERVATIONS
from ingest.errors import FencedError, RefusedRecordError
from tests.conftest import ROOT
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.camera import OWNER, camera_of
from tests.integration.kafka_log.records import Opener, numbers
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def addition(number: int, topic: str = OBSERVATIONS, key: str = "a") -> Addition:
    return Addition(OWNER, topic, key, str(number).encode())


def acknowledge(appender: kafka_appender.KafkaAppender, count: int) -> None:
    wait_until(lambda: appender.acknowledged() or len(appender._unanswered) < count)
    while appender._unanswered:
        appender.acknowledged()
        time.sleep(0.01)


def test_records_and_states_come_onto_the_log_and_are_read_at_once(open_log: Opener) -> None:
    log = open_log()
    appender = log.appender()
    appender.send([addition(number) for number in range(50)])
    appender.send([addition(7, ASSOCIATION_STATE, f"{OWNER}|progress")])
    acknowledge(appender, 51)
    assert numbers(log) == list(range(50))
    assert dict(open_log().claim(OWNER).state) == {"progress": b"7"}
    appender.discard()


def test_after_a_discard_everything_is_sent_again(open_log: Opener) -> None:
    log = open_log()
    appender = log.appender()
    appender.send([addition(1)])
    acknowledge(appender, 1)
    appender.send([addition(2)])
    appender.discard()
    appender.send([addition(2), addition(3)])
    acknowledge(appender, 2)
    assert numbers(log) in ([1, 2, 3], [1, 2, 2, 3])  # a reader drops the second one
    appender.discard()


def test_too_large_a_record_is_refused_and_the_appender_goes_on(open_log: Opener) -> None:
    log = open_log()
    appender = log.appender()
    with pytest.raises(RefusedRecordError, match="too large"):
        appender.send([Addition(OWNER, OBSERVATIONS, "a", bytes(2_000_000))])
    appender.send([addition(1)])
    acknowledge(appender, 1)
    assert numbers(log) == [1]
    appender.discard()


def test_who_claims_a_camera_fences_the_process_that_had_it(open_log: Opener, tmp_path: Path) -> None:
    log = open_log()
    first = camera_of(log, tmp_path / "one")
    first.commit([Record(OBSERVATIONS, "a", b"1")], state={"progress": b"1"})
    assert log.claims.lost() == set()
    second = camera_of(open_log(), tmp_path / "two")
    assert (first.generation, second.generation) == (1, 2)
    assert log.claims.lost() == {OWNER}

    def fenced() -> bool:
        try:
            first.commit([])
        except FencedError:
            return True
        return False

    wait_until(fenced)
    second.commit([Record(OBSERVATIONS, "a", b"2")])
    first.close()
    second.close()
    assert numbers(log) == [1, 2]


def test_a_killed_camera_process_hides_nothing_and_its_spool_is_written_by_the_next(
    open_log: Opener, prefix: str, tmp_path: Path
) -> None:
    """No transaction of its stays open, for which readers would wait until the broker ends it."""
    log = open_log()  # which makes the topics
    code = f"from {__name__} import say_until_killed as f; f({servers()!r}, {prefix!r}, {str(tmp_path)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        for _ in zip(range(300), lines, strict=False):
            pass
        process.kill()
    survivor = log.appender()
    began = time.monotonic()
    survivor.send([addition(1_000_000)])
    wait_until(lambda: 1_000_000 in numbers(log))
    assert time.monotonic() - began < 10  # the transaction of before was waited for 13 to 25 s
    survivor.discard()
    next_process = camera_of(open_log(), tmp_path, started_ns=2)
    assert next_process.generation == 2
    next_process.close()
    found = numbers(log)
    found.remove(1_000_000)
    assert list(dict.fromkeys(found)) == list(range(len(set(found))))
    assert len(set(found)) >= 200
    assert list(tmp_path.iterdir()) == []


def say_until_killed(address: str, prefix: str, folder: str) -> None:
    """The program that the test above kills."""
    writer, number = camera_of(KafkaLog(Cluster(address, prefix)), Path(folder)), 0
    while True:
        writer.commit([Record(OBSERVATIONS, "a", str(number).encode())])
        number += 1
        print(number, flush=True)
        time.sleep(0.002)
