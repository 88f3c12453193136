"""A zone changes hands when its owner falls silent, and not before."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from deploy.log import kafka_standby as standby_module
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_standby import Standby
from deploy.log.kafka_state import Followed
from deploy.log.kafka_writer import KafkaWriter
from ingest.errors import FencedError, LogError
from tests.integration.kafka_log.records import Opener, record

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

OWNER = "zone/main"
SILENCE_S = 3.0


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby_module, "TAKE_OVER_AFTER_S", SILENCE_S)


class Owner:
    """A process that has the zone, and beats until it dies."""

    def __init__(self, log: KafkaLog) -> None:
        self.writer = log.claim(OWNER)
        self.writer.commit([record(1)], state={"a|1": b"x", "b|2": b"y"}, position=1)
        self.dead = threading.Event()
        self._thread = threading.Thread(target=self._beat)
        self._thread.start()

    def _beat(self) -> None:
        while not self.dead.wait(0.2):
            self.writer.beat()

    def die(self) -> None:
        self.dead.set()
        self._thread.join()


@pytest.fixture
def owner(open_log: Opener) -> Iterator[Owner]:
    made = Owner(open_log())
    yield made
    made.die()


class Waiting(threading.Thread):
    """One who stands by, and claims when it is its turn."""

    def __init__(self, log: KafkaLog) -> None:
        super().__init__()
        self.stop, self.got_turn = threading.Event(), False
        self.writer: KafkaWriter | None = None
        self._standby = Standby(log, OWNER)
        self.start()

    def run(self) -> None:
        self.got_turn = self._standby.wait(self.stop)
        if self.got_turn:
            claimed = self._standby.claim()
            assert isinstance(claimed, KafkaWriter)
            self.writer = claimed


def test_a_second_one_stands_by_while_the_first_beats_and_takes_over_when_it_dies(
    open_log: Opener, owner: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        second = Waiting(open_log())
        second.join(2.5 * SILENCE_S)
        assert second.is_alive()
        owner.writer.commit([], state={"b|2": None, "c|3": b"z"}, position=7)  # it has never been fenced
        owner.die()
        died_s = time.monotonic()
        second.join(30.0)
    assert second.writer is not None
    assert time.monotonic() - died_s >= SILENCE_S - 1.0
    assert (second.writer.generation, second.writer.position) == (2, 7)
    assert dict(second.writer.state) == {"a|1": b"x", "c|3": b"z"}
    assert "standing by" in caplog.text
    assert "taking over" in caplog.text
    with pytest.raises(FencedError):
        owner.writer.commit([])


def test_who_ends_well_is_followed_at_once(open_log: Opener, owner: Owner) -> None:
    second = Waiting(open_log())
    second.join(1.0)
    owner.die()
    owner.writer.close()
    second.join(SILENCE_S)
    assert second.writer is not None
    assert second.writer.state["a|1"] == b"x"


def test_where_nobody_ever_was_nobody_is_waited_for(open_log: Opener) -> None:
    log = open_log()
    assert Standby(log, OWNER).wait(threading.Event())
    log.claim(OWNER)
    assert Standby(log, OWNER).wait(threading.Event(), own_generation=1)


def test_a_stop_ends_the_waiting(open_log: Opener, owner: Owner) -> None:
    second = Waiting(open_log())
    second.stop.set()
    second.join(10.0)
    assert not second.got_turn


def test_silence_begins_anew_where_the_log_could_not_be_read(
    open_log: Opener, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hears nothing, because the brokers are away, must not think the owner dead."""
    monkeypatch.setattr(standby_module, "TAKE_OVER_AFTER_S", 1.0)
    monkeypatch.setattr(standby_module, "RETRY_S", 2.0)
    monkeypatch.setattr(standby_module, "LOOK_S", 0.1)
    failing = [False, True, False, False, True, False]
    follow = KafkaLog.follow

    def follow_or_fail(log: KafkaLog, name: str, known: Followed) -> None:
        if failing and failing.pop(0):
            raise LogError("away")
        follow(log, name, known)

    owner.die()
    monkeypatch.setattr(KafkaLog, "follow", follow_or_fail)
    began_s = time.monotonic()
    assert Standby(open_log(), OWNER).wait(threading.Event())
    assert time.monotonic() - began_s >= 5.0


def test_a_topic_that_is_made_anew_has_another_id(open_log: Opener, prefix: str) -> None:
    log = open_log()
    assert log.topic_id("observations")
    assert log.topic_id("observations") == open_log().topic_id("observations")
    assert log.topic_id("observations") != log.topic_id("trajectories")
