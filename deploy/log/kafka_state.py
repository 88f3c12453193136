"""What the commits of every owner have left on Kafka: the compacted topic `association-state`.

Under the owner's name stands what its last commit was, under `owner|key` its state. All records of an owner are in
one partition, in the order of its commits.
"""

import contextlib
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from kafka import TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from deploy.log.kafka_cluster import Cluster
from deploy.log.topics import ASSOCIATION_STATE, LAYOUTS

RESTORE_TIMEOUT_S = 30.0
"""Longer than it takes the broker to abort what another, dead, owner has left open in the same partition."""

PARTITIONS = next(layout.partitions for layout in LAYOUTS if layout.name == ASSOCIATION_STATE)


class Commit(msgspec.Struct, frozen=True):
    """What an owner's last commit was: JSON. `batch` counts its commits, claims among them."""

    generation: int = 0
    position: int = 0
    batch: int = 0


@dataclass(slots=True, eq=False)
class Left:
    """What an owner's commits have left."""

    commit: Commit = field(default_factory=Commit)
    state: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A record as Kafka takes it; `value` None deletes a key of a compacted topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None


def home(owner: str) -> int:
    """The partition of an owner."""
    return zlib.crc32(owner.encode()) % PARTITIONS


def messages(cluster: Cluster, owner: str, state: Mapping[str, bytes | None], commit: Commit) -> list[Message]:
    """A commit's part of the topic."""
    topic, partition = cluster.topic(ASSOCIATION_STATE), home(owner)
    changes = [Message(topic, partition, f"{owner}|{key}".encode(), value) for key, value in state.items()]
    return [*changes, Message(topic, partition, owner.encode(), msgspec.json.encode(commit))]


class States:
    """Reads what owners have left; threads take turns."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._open: tuple[Any, Any] | None = None

    def settled(self, owner: str) -> Left:
        """All that is there, for one who has fenced the earlier owners, so that nothing of theirs can follow.

        Another owner's open transaction hides what comes after it from those who read committed records only, so
        this waits until that is settled.
        """
        return self._read(owner, settled=True)

    def readable(self, owner: str) -> Left:
        """What can be read now, for one who must not disturb the owner."""
        return self._read(owner, settled=False)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _read(self, owner: str, *, settled: bool) -> Left:
        with self._lock, self._consumers() as (committed, everything):
            partition = TopicPartition(self._cluster.topic(ASSOCIATION_STATE), home(owner))
            deadline = self._cluster.clock.monotonic_s() + RESTORE_TIMEOUT_S
            end = (everything if settled else committed).end_offsets([partition])[partition]
            committed.assign([partition])
            committed.seek(partition, committed.beginning_offsets([partition])[partition])
            left = Left()
            while committed.position(partition) < end:
                for record in committed.poll(5, max_records=5000).get(partition, ()):
                    _take(left, owner, record)
                if self._cluster.clock.monotonic_s() > deadline:
                    raise KafkaTimeoutError(f"the state of '{owner}' could not be read in {RESTORE_TIMEOUT_S:g} s")
        return left

    @contextlib.contextmanager
    def _consumers(self) -> Iterator[tuple[Any, Any]]:
        """One of committed records and one that sees all; made anew after a fault."""
        if self._open is None:
            self._open = (self._cluster.consumer(), self._cluster.consumer(committed=False))
        try:
            yield self._open
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        for consumer in self._open or ():
            with contextlib.suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=1000)
        self._open = None


def _take(left: Left, owner: str, record: Any) -> None:
    name, separator, key = record.key.decode().partition("|")
    if name != owner:
        return
    if not separator:
        left.commit = msgspec.json.decode(record.value, type=Commit)
    elif record.value is None:
        left.state.pop(key, None)
    else:
        left.state[key] = record.value
