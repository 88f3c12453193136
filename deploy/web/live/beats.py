"""Heartbeats of the processes that offer live video: the records of the topic `live`."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec

from deploy.log.base import Addition, Appender, Log, Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import LIVE
from ingest.clock import NS, Clock
from ingest.errors import LogError

logger = logging.getLogger(__name__)

EVERY_S = 5.0
EXPIRES_S = 20.0
"""Age at which a heartbeat is none any more: three have failed to come."""

ACKNOWLEDGED_S = 2.0
"""Longest wait for Kafka to take a heartbeat."""
LOOK_S = 0.05

Address = Annotated[str, msgspec.Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}\Z")]


class LiveBeat(msgspec.Struct, frozen=True, kw_only=True):
    """A process that offers live video of its cameras, until it expires.

    worker: its name: the first of its cameras.
    address: `HOST:PORT` at which it serves over HTTP.
    cameras: ids of its cameras.
    at_ns: time of the heartbeat, Unix nanoseconds.
    expires_ns: time from which it is no longer held to be there.
    token: what has to be sent to it, as a bearer token; another one in every process.
    crops: it offers the crops of its cameras, too.
    """

    worker: str
    address: Address
    cameras: list[str]
    at_ns: int
    expires_ns: int
    token: str
    crops: bool = False


def encode(beat: LiveBeat) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(beat)


def decode(record: bytes) -> LiveBeat:
    """The heartbeat of a record; raises ValueError where it is none."""
    try:
        return msgspec.json.decode(record, type=LiveBeat)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not the heartbeat of a worker: {error}") from error


@contextmanager
def beating(log: Log, make: Callable[[], LiveBeat], clock: Clock) -> Iterator[None]:
    """Put a heartbeat on the log again and again while the block runs, and one that has expired at its end.

    A log that is away is no reason for the cameras to end: the next heartbeat is tried at its time.
    """
    stop, writer = threading.Event(), _writer(log, clock)

    def write(beat: LiveBeat) -> str:
        try:
            writer.write(beat)
        except LogError as error:
            return str(error)
        return ""

    def run() -> None:
        said = ""
        while not stop.is_set():
            problem = write(make())
            if problem and not said:
                logger.warning("that live video is offered here is not on the log: %s; trying again", problem)
            said = problem
            stop.wait(EVERY_S)

    thread = threading.Thread(target=run, name="live heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(EVERY_S)
        last = make()
        write(msgspec.structs.replace(last, expires_ns=last.at_ns))
        writer.close()


def beat_of(worker: str, address: str, cameras: list[str], token: str, now_ns: int, *, crops: bool) -> LiveBeat:
    """The heartbeat of a worker at a time."""
    return LiveBeat(
        worker=worker,
        address=address,
        cameras=cameras,
        at_ns=now_ns,
        expires_ns=now_ns + round(EXPIRES_S * NS),
        token=token,
        crops=crops,
    )


class _SqliteWriter:
    """Heartbeats onto a log of this machine."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def write(self, beat: LiveBeat) -> None:
        self._log.claim(f"live/{beat.worker}").commit([Record(LIVE, beat.worker, encode(beat))])

    def close(self) -> None:
        """Do nothing: every heartbeat is written at once."""


class _KafkaWriter:
    """Heartbeats onto Kafka, outside any transaction, which cameras have no leave for (docs/decisions/0023)."""

    def __init__(self, appender: Appender, clock: Clock) -> None:
        self._appender, self._clock = appender, clock

    def write(self, beat: LiveBeat) -> None:
        self._appender.send([Addition(f"live/{beat.worker}", LIVE, beat.worker, encode(beat))])
        for _ in range(round(ACKNOWLEDGED_S / LOOK_S)):
            if self._appender.acknowledged():
                return
            self._clock.sleep(LOOK_S)

    def close(self) -> None:
        self._appender.discard()


def _writer(log: Log, clock: Clock) -> _SqliteWriter | _KafkaWriter:
    if isinstance(log, SqliteLog):
        return _SqliteWriter(log)
    from deploy.log.kafka_log import KafkaLog

    assert isinstance(log, KafkaLog)
    return _KafkaWriter(log.appender(), clock)
