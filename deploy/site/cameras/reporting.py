"""A process's record on the log: the cameras that it has, and how they are; and its end, where somebody asks for it."""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.log.base import Addition, Log, Record
from deploy.log.topics import WORKERS
from deploy.site.cameras.runtime import CameraRuntime
from deploy.site.cameras.workers import EVERY_S, WatchedCamera, WorkerRecord, Workers, encode, expires_ns
from deploy.site.perception_worker import PerceptionWorker
from ingest.clock import Clock, SystemClock
from ingest.errors import LogError

logger = logging.getLogger(__name__)

LOOK_S = 0.2
ANSWER_S = 2.0
"""Longest wait for a record to come onto Kafka; the next one follows anyway."""

Publish = Callable[[bytes], None]


@dataclass(slots=True, eq=False)
class _Had:
    """A camera as it was first seen here, Unix nanoseconds."""

    runtime: CameraRuntime
    since_ns: int
    opened_ns: int | None = None
    first_ns: int | None = None


class WorkerReport:
    """Keeps the record of a process; `look` five times a second, `end` at the end. By one thread.

    slots, refused: as in the record. Who is asked to end is stopped.
    """

    def __init__(
        self,
        log: Log,
        name: str,
        worker: PerceptionWorker,
        publish: Publish,
        *,
        slots: Callable[[], Collection[int]] = tuple,
        refused: Callable[[], Mapping[str, str]] = dict,
        clock: Clock | None = None,
    ) -> None:
        self._log = log
        self._name = name
        self._worker = worker
        self._publish = publish
        self._slots = slots
        self._refused = refused
        self._clock = clock or SystemClock()
        self._had: dict[str, _Had] = {}
        self._workers = Workers(after=log.end(WORKERS))
        self._said: tuple[object, ...] = ()
        self._said_s = -EVERY_S
        self._away = False

    def look(self) -> None:
        """Say anew what has changed, and every two seconds what has not; heed a request to end."""
        self._note()
        now_s = self._clock.monotonic_s()
        due = now_s - self._said_s >= EVERY_S
        if not due and self._headlines() == self._said:
            return
        self._said, self._said_s = self._headlines(), now_s
        try:
            self._publish(encode(self._record()))
            if due:
                self._workers.read(self._log)
        except LogError as error:
            if not self._away:
                logger.warning("which cameras this process has cannot be said: %s", error)
            self._away = True
            return
        self._away = False
        if (asked := self._workers.asked.get(self._name)) is not None and not self._worker.closed.is_set():
            logger.info("asked to end by %s: cameras are left to others", asked.by or "somebody without a name")
            self._worker.stop()

    def end(self) -> None:
        """Say that the process has ended."""
        now_ns = self._clock.now_ns()
        record = WorkerRecord(worker=self._name, pid=os.getpid(), at_ns=now_ns, expires_ns=now_ns, ended=True)
        try:
            self._publish(encode(record))
        except LogError as error:
            logger.warning("that this process has ended cannot be said: %s", error)

    def _note(self) -> None:
        runtimes, now_ns = self._worker.runtimes, self._clock.now_ns()
        self._had = {
            camera: had if (had := self._had.get(camera)) and had.runtime is runtime else _Had(runtime, now_ns)
            for camera, runtime in runtimes.items()
        }
        for had in self._had.values():
            if had.opened_ns is None and had.runtime.feed.counts.opened:
                had.opened_ns = now_ns
            if had.first_ns is None and had.runtime.analysed:
                had.first_ns = now_ns

    def _headlines(self) -> tuple[object, ...]:
        """All of the record that is said at once where it changes."""
        cameras = [(it.runtime, it.runtime.feed.state, it.first_ns) for it in self._had.values()]
        return sorted(self._slots()), cameras, dict(self._refused())

    def _record(self) -> WorkerRecord:
        now_ns = self._clock.now_ns()
        return WorkerRecord(
            worker=self._name,
            pid=os.getpid(),
            at_ns=now_ns,
            expires_ns=expires_ns(now_ns),
            slots=sorted(self._slots()),
            cameras=[
                WatchedCamera(
                    camera=camera,
                    state="taken over" if had.runtime.fenced else had.runtime.feed.state.value,
                    since_ns=had.since_ns,
                    opened_ns=had.opened_ns,
                    first_ns=had.first_ns,
                    analysed=had.runtime.analysed,
                )
                for camera, had in self._had.items()
            ],
            refused=dict(self._refused()),
        )


@contextmanager
def publishing(log: Log, name: str, *, here: bool) -> Iterator[Publish]:
    """A way to put a process's record onto a log, on this machine or beyond."""
    if here:  # claimed for every record: the processes of one machine take turns
        yield lambda value: log.claim("workers").commit([Record(WORKERS, name, value)])
        return
    from deploy.log.kafka_log import KafkaLog

    assert isinstance(log, KafkaLog)
    appender, clock = log.appender(), SystemClock()

    def publish(value: bytes) -> None:
        appender.send([Addition(name, WORKERS, name, value)])
        until_s = clock.monotonic_s() + ANSWER_S
        while not appender.acknowledged() and clock.monotonic_s() < until_s:
            clock.sleep(0.005)

    try:
        yield publish
    finally:
        appender.discard()
