"""Processes that share cameras come and go in quick succession: each camera has one owner in the end, and one at a time
whose records count.
"""

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from associate.reorder import Verdict
from deploy.log.base import Record
from deploy.log.brokers.slots import SlotMember, remove_member
from deploy.log.decoding import decoded
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.observations import read_messages
from deploy.log.spool.shared import SharedSpool
from deploy.log.spool.writer import SpooledWriter
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from embed.observation import CameraEpoch, Message, Tick, decode, encode
from ingest.clock import SystemClock
from ingest.errors import FencedError
from tests.associate.samples import associator
from tests.chaos.checker import Name
from tests.chaos.story import SEEDS, on_kafka
from tests.integration.kafka_log.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SLOTS = frozenset(range(6))
ROUNDS = 6
ROUND_S = 1.0
PACE_S = 0.02
PATIENCE_S = 120.0


class Process:
    """A process that shares cameras; `die` leaves its writers, which go on until they are told that they are fenced."""

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        self.name = name
        self.said: list[Name] = []
        self.writers: dict[int, SpooledWriter] = {}
        self.member = SlotMember(cluster, name)
        self.member.use(SLOTS)
        self._cluster, self._dead, self._stop = cluster, False, threading.Event()
        self._log = KafkaLog(cluster)
        self._spool = SharedSpool(self._log, folder, camera_bytes=1e8, clock=SystemClock())
        self._counts: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.member.join()
        self._thread.start()

    def die(self) -> None:
        """Be no member any more."""
        self._dead = True
        self.member.leave()
        remove_member(self._cluster, self.name)

    def end(self) -> None:
        """Say nothing any more, and have everything written."""
        self._stop.set()
        self._thread.join()
        self.writers.clear()
        self._spool.close()

    @property
    def has_all_it_should(self) -> bool:
        return set(self.writers.copy()) == set(self.member.slots)

    def _run(self) -> None:
        while not self._stop.wait(PACE_S):
            slots = self.member.slots
            if not self._dead:
                for slot in self.writers.keys() - slots:
                    del self.writers[slot]
                for slot in sorted(slots - self.writers.keys())[:1]:  # one by one: what is claimed speaks at once
                    (self.writers[slot],) = self._spool.writers([f"camera/c{slot}"])
                    self._counts[slot] = 0
            for slot in list(self.writers):
                self._say(slot)

    def _say(self, slot: int) -> None:
        camera, writer = f"c{slot}", self.writers[slot]
        self._counts[slot] += 1
        epoch, count = CameraEpoch(writer.generation, 0), self._counts[slot]
        tick = Tick(camera=camera, epoch=epoch, sequence=count, at_ns=SystemClock().now_ns(), count=count)
        try:
            writer.commit([Record(OBSERVATIONS, camera, encode(tick))])
            self.said.append(Name(camera, epoch, count))
        except FencedError:
            del self.writers[slot]


def storm(cluster: Cluster, folder: Path, rng: random.Random) -> tuple[list[Process], list[Process]]:
    """Processes that come, end and die, a second apart, those first that have most; returns who lives, and all."""
    names = (f"w{number}" for number in range(1, 100))
    living = [Process(cluster, next(names), folder / "w") for _ in range(2)]
    everyone = list(living)
    wait_until(lambda: all(each.writers for each in living), PATIENCE_S)
    for _ in range(ROUNDS):
        threading.Event().wait(ROUND_S)
        if len(living) < 3 and (len(living) < 2 or rng.random() < 0.5):
            living.append(Process(cluster, next(names), folder / "w"))
            everyone.append(living[-1])
            continue
        gone = max(living, key=lambda each: len(each.writers))
        living.remove(gone)
        if rng.random() < 0.3:
            gone.end()
        gone.die()
    return living, everyone


def wake_a_zombie(log: KafkaLog) -> None:
    """Have the owner of a replaced epoch say one more word: others may have noticed too soon to say any."""
    said = [each for each in decoded(log, OBSERVATIONS, decode) if isinstance(each, Tick)]
    last = {each.camera: each.epoch for each in sorted(said, key=lambda each: each.epoch)}
    replaced = next(each for each in said if each.epoch != last[each.camera])
    late = msgspec.structs.replace(replaced, count=10_000, sequence=10_000)
    with closing(log.cluster.appending_producer()) as producer:
        producer.send(log.cluster.topic(OBSERVATIONS), encode(late), late.camera.encode(), partition=0)
        producer.flush()


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_storm_each_camera_has_one_owner_and_nothing_of_zombies_is_used(tmp_path: Path, seed: int) -> None:
    with on_kafka() as place, closing(place.open_log()) as log:
        assert isinstance(log, KafkaLog)
        living, everyone = storm(log.cluster, tmp_path, random.Random(seed))
        # Step 1: each slot is one's, each camera is claimed, and nobody else says anything
        wait_until(lambda: sorted(slot for each in living for slot in list(each.writers)) == sorted(SLOTS), PATIENCE_S)
        wait_until(lambda: all(each.has_all_it_should for each in living), PATIENCE_S)
        wait_until(lambda: not any(each.writers for each in everyone if each not in living), PATIENCE_S)
        for each in everyone:
            each.end()
        for each in living:
            each.die()
        wake_a_zombie(log)
        # Step 2: of each epoch what counts begins with the first, and the last owners' is whole
        raw, used = list(decoded(log, OBSERVATIONS, decode)), list(read_messages(log))
        assert len(raw) > len(used), "no zombie has said anything"
        by_epoch = defaultdict(list)
        for message in used:
            by_epoch[message.camera, message.epoch].append(message.count)
        for counts in by_epoch.values():
            assert counts == list(range(1, len(counts) + 1))
        last = dict(sorted(by_epoch))
        assert {name for name in each_said(everyone) if last[name.camera] == name.epoch} <= names_of(used)
        # Step 3: association uses the same
        worker = AssociationWorker(log, "z", associator(cameras=tuple(sorted(last))))
        worker.drain()
        verdicts = worker._associator.counts
        assert verdicts[Verdict.FENCED] + verdicts[Verdict.DUPLICATE] == len(raw) - len(used)
        assert verdicts[Verdict.TAKEN] + verdicts[Verdict.LATE] == len(used)


def each_said(processes: list[Process]) -> Iterator[Name]:
    for process in processes:
        yield from process.said


def names_of(messages: list[Message]) -> set[Name]:
    return {Name(each.camera, each.epoch, each.count or 0) for each in messages}
