"""A site in one process, on which things go wrong: cameras, association, and what is done to them."""

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from deploy.log import sqlite_log
from deploy.log.base import Addition, Log, Record, Writer
from deploy.log.kafka_log import KafkaLog
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.spool.writer import SpooledWriter, SpoolThread
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from embed.observation import CameraEpoch, Message, Observation, encode, tracklet_id
from ingest.errors import LogError
from tests.chaos.checker import Name
from tests.chaos.traffic import new_associator, traffic
from tests.integration.kafka_log import faults as client_faults
from tests.integration.kafka_log.faults import Faults
from tests.integration.kafka_log.waiting import wait_until
from tests.integration.test_kafka_association import CAMERAS

CLIENT_FAULTS: tuple[Callable[[Faults], None], ...] = (
    client_faults.record_given_up,
    client_faults.record_refused,
    client_faults.flush_not_back,
    client_faults.commit_not_sent,
    client_faults.commit_done_but_unanswered,
)
"""Every point of a commit."""

AT_ONCE = 50
"""Records between two steps of association on average; each owner of the zone takes in half to twice as many."""
PATIENCE_S = 120.0
"""Longest that a log needs for what waits for it."""

Fault = tuple[str, Callable[[], None]]
"""A fault that can be made, with its name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A log for one story: every process opens it for itself. It may have faults of its own, which `mended` ends."""

    name: str
    open_log: Callable[[], Log]
    faults: tuple[Fault, ...] = ()
    mended: Callable[[], None] = lambda: None


class Cameras:
    """The camera process of the moment; a kill leaves its spool, and its claims to the next one."""

    def __init__(self, open_log: Callable[[], Log], folder: Path) -> None:
        self.said: list[Name] = []
        self.observations = 0
        self._open_log, self._folder = open_log, folder
        self._starts = 0
        self._thread: SpoolThread | None = None
        self.start()

    def start(self) -> None:
        self._starts += 1
        log = self._open_log()
        owners = [f"camera/{camera}" for camera in CAMERAS]
        self._counts = dict.fromkeys(CAMERAS, 0)
        if not isinstance(log, KafkaLog):
            self.writers: dict[str, Writer] = {camera: log.claim(f"camera/{camera}") for camera in CAMERAS}
            return
        claimed = [log.claim_to_append(owner) for owner in owners]
        self._backlog = Backlog(Spool(self._folder, frozenset(owners), started_ns=self._starts), limit_bytes=1e8)
        self.appender = log.appender()
        self._thread = SpoolThread(self.appender, self._backlog, log.claims)
        self.writers = {
            camera: SpooledWriter(self._thread, owner, writer)
            for camera, owner, writer in zip(CAMERAS, owners, claimed, strict=True)
        }
        self._thread.start()

    def kill(self) -> None:
        """As kill -9 would, but for what was said in the last moment: nothing is flushed, nothing is closed well."""
        if self._thread is not None:
            self._thread._ended.set()
            with self._thread._changed:
                self._thread._changed.notify_all()
            for thread in self._thread._threads:
                thread.join()
            self.appender.discard()
            self._backlog.spool._db.close()

    def say(self, camera: str, messages: Iterable[Message]) -> int:
        """Say what a camera has seen, in one commit; returns how many messages that were."""
        writer, said = self.writers[camera], list[Message]()
        epoch = CameraEpoch(writer.generation, 0)
        for message in messages:
            self._counts[camera] += 1
            named = msgspec.structs.replace(message, epoch=epoch, count=self._counts[camera])
            if isinstance(named, Observation):
                self.observations += 1
                own_id = f"{tracklet_id(camera, epoch, named.track)}|{named.sequence}"
                named = msgspec.structs.replace(named, id=own_id)
            said.append(named)
        writer.commit([Record(OBSERVATIONS, camera, encode(each)) for each in said])
        self.said += [Name(camera, epoch, each.count or 0) for each in said]
        return len(said)

    def await_written(self) -> None:
        """Wait until all that was said is on the log."""
        wait_until(lambda: not any(writer.held for writer in self.writers.values()), PATIENCE_S)

    def close(self) -> None:
        self.await_written()
        if self._thread is not None:
            for writer in list(self.writers.values())[::-1]:
                writer.close()


class ChaosSite:
    """Cameras and association under faults that a seed draws; `run` plays all of the traffic."""

    def __init__(self, place: Place, folder: Path, patch: pytest.MonkeyPatch, seed: int) -> None:
        self.faults: list[str] = []
        self._place, self._patch = place, patch
        self._rng = random.Random(seed)
        self.cameras = Cameras(place.open_log, folder)
        self._worker = self._new_worker()

    def run(self, *, faults: int | None = None, vehicles: int = 40) -> None:
        """Say everything, with so many faults between, or each once; then let what is left be associated in peace."""
        messages = list(traffic(vehicles))
        harms = list(self._harms())
        faults = len(harms) if faults is None else faults
        places = sorted(self._rng.sample(range(1, len(messages)), faults))
        drawn = self._rng.sample(harms * -(-faults // len(harms)), faults)  # each of them about as often
        for begin, end in zip([0, *places], [*places, len(messages)], strict=True):
            for camera, said in groupby(messages[begin:end], key=lambda message: message.camera):
                count = self.cameras.say(camera, said)
                if self._rng.random() * AT_ONCE < count:
                    self._step()
            if end < len(messages):
                name, harm = drawn.pop()
                self.faults.append(name)
                harm()
        self._place.mended()
        self.cameras.close()
        while not self._worker.caught_up:
            self._step()

    def _harms(self) -> Iterator[Fault]:
        yield "cameras killed", self._kill_cameras
        yield "association killed", self._kill_association
        yield "a rival takes the zone", self._rival
        yield "poison", self._poison
        if self._place.faults:
            yield from self._place.faults
        elif isinstance(self._place.open_log(), KafkaLog):
            yield "the cameras' connection breaks", self._cut
            for fault in CLIENT_FAULTS:
                yield fault.__name__, partial(self._break_commit, fault)
        else:
            yield "the disk is full", self._full_disk

    def _new_worker(self) -> AssociationWorker:
        """As `associate` does: a log that is away is waited for."""
        batch = self._rng.randint(AT_ONCE // 2, AT_ONCE * 2)
        while True:
            try:
                return AssociationWorker(self._place.open_log(), "main", new_associator(), batch=batch)
            except LogError:
                if not self._place.faults:
                    raise

    def _step(self) -> None:
        """After a fault of the log a new worker goes on."""
        try:
            self._worker.step()
        except LogError:
            self._worker = self._new_worker()

    def _kill_cameras(self) -> None:
        self.cameras.kill()
        self.cameras.start()

    def _kill_association(self) -> None:
        self._worker = self._new_worker()

    def _rival(self) -> None:
        """The one before does not know of it, and goes on until it meets its fence."""
        before, self._worker = self._worker, self._new_worker()
        try:
            if before.step():
                raise AssertionError("an owner that was replaced has committed")
        except LogError:  # it is fenced, or its log is away
            pass

    def _poison(self) -> None:
        values = [b"", b"\xff" * 40, bytes(600_000), b"\x81\xa4type\xa4none"]
        writer = self.cameras.writers[CAMERAS[0]]
        writer.commit([Record(OBSERVATIONS, CAMERAS[0], self._rng.choice(values))])

    def _cut(self) -> None:
        """Whatever is sent from now on is lost, until the appender has made a new connection."""
        appender = self.cameras.appender

        def mended() -> None:
            for name in ("_send", "discard"):
                appender.__dict__.pop(name, None)
            appender.discard()

        def lose(addition: Addition) -> None:
            appender._unanswered.append((addition.topic, client_faults.failed_future()))

        appender.__dict__.update(_send=lose, discard=mended)

    def _break_commit(self, fault: Callable[[Faults], None]) -> None:
        self.cameras.await_written()
        with self._patch.context() as patch:
            fault(Faults(patch))
            self._step()

    def _full_disk(self) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        with self._patch.context() as patch:
            patch.setattr(sqlite_log, "_change_state", full)
            self._step()
