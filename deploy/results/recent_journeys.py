"""The identities that moved last, read from a log in a thread of its own: who shows them never waits for a broker."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from associate.trajectory import Kind, TrajectoryEvent, decode
from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.topics import TRAJECTORIES
from ingest.errors import LogError
from ingest.redact import redact

KEPT = 1000
"""Identities: more than any terminal has lines."""

BATCH = 1000
POLL_S = 0.25
RETRY_S = 1.0
LEAVE_S = 1.0
"""Seconds that the end waits for a read that hangs."""


class RecentJourneys:
    """The latest revision of the identities that moved last, at most `limit` of them; for several threads.

    problem: why nothing new comes, if that is so. undecoded: records that are no events.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self.problem: str | None = None
        self.undecoded = Undecoded()
        self._limit = limit
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, TrajectoryEvent] = OrderedDict()

    def take(self, event: TrajectoryEvent) -> None:
        """Take in the next event; an identity that turned out to be another one is gone."""
        with self._lock:
            self._latest.pop(event.identity, None)
            if event.kind is Kind.MERGED:
                return
            self._latest[event.identity] = event
            if len(self._latest) > self._limit:
                self._latest.popitem(last=False)

    def newest(self, rows: int) -> list[TrajectoryEvent]:
        """The identities that moved last, newest first."""
        with self._lock:
            events = list(self._latest.values())
        return newest_first(events)[:rows]


def newest_first(events: list[TrajectoryEvent]) -> list[TrajectoryEvent]:
    """Events by event time, the latest first."""
    return sorted(events, key=lambda event: (-event.at_ns, event.identity))


@contextmanager
def followed(log: Log) -> Iterator[RecentJourneys]:
    """Take in the events of a log, those that are there and those that come, while the block runs."""
    journeys, stop = RecentJourneys(), threading.Event()
    # A daemon: a read that waits for a broker holds up neither the block's end nor the process's.
    reader = threading.Thread(target=_read, args=(log, journeys, stop), name="trajectory reader", daemon=True)
    reader.start()
    try:
        yield journeys
    finally:
        stop.set()
        reader.join(LEAVE_S)


def _read(log: Log, journeys: RecentJourneys, stop: threading.Event) -> None:
    offset = 0
    while not stop.is_set():
        try:
            stored = log.read(TRAJECTORIES, offset, BATCH)
        except LogError as error:
            journeys.problem = redact(str(error))
            stop.wait(RETRY_S)
            continue
        journeys.problem = None
        for record in stored:
            offset = record.offset
            event = journeys.undecoded.decode(TRAJECTORIES, record, decode)
            if event is not None:
                journeys.take(event)
        if not stored:
            stop.wait(POLL_S)
