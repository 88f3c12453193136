"""Heartbeats of workers on a real broker."""

import pytest

from deploy.log.decoding import Undecoded
from deploy.log.topics import ASSOCIATION_STATE, LIVE
from deploy.web.live import beats
from deploy.web.live.beats import beat_of, beating
from deploy.web.live.workers import Workers
from ingest.clock import SystemClock
from tests.integration.kafka_log.records import Opener
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_a_worker_is_found_until_it_ends_and_owns_nothing(open_log: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "EVERY_S", 0.2)
    clock, readers = SystemClock(), open_log()
    workers = Workers(readers, Undecoded(), clock)

    def now() -> object:
        workers.look()
        return workers.now("south")

    owned = readers.end(ASSOCIATION_STATE)
    with beating(
        open_log(),
        lambda: beat_of("north", "127.0.0.1:8700", ["north", "south"], "t", clock.now_ns(), crops=False),
        clock,
    ):
        wait_until(now)
        first = readers.end(LIVE)
        wait_until(lambda: readers.end(LIVE) > first)
    wait_until(lambda: now() is None)
    assert readers.end(ASSOCIATION_STATE) == owned
