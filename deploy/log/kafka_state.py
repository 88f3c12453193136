"""State of every owner on Kafka, as its commits left it: the compacted topic `association-state`.

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
"""Longest restore: more than the broker takes to abort what a dead owner has left open in the same partition."""

PARTITIONS = next(layout.partitions for layout in LAYOUTS if layout.name == ASSOCIATION_STATE)


class Commit(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last commit of an owner: JSON. `batch` counts its commits, claims and beats among them.

    left: the owner has ended: whoever stands by need not wait.
    """

    generation: int = 0
    position: int = 0
    batch: int = 0
    left: bool = False


@dataclass(slots=True, eq=False)
class OwnerState:
    """An owner's last commit, and its state after it."""

    commit: Commit = field(default_factory=Commit)
    state: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Followed:
    """State of an owner as its changelog has been read so far, and the offset (Kafka's) from which that goes on."""

    restored: OwnerState = field(default_factory=OwnerState)
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A record as Kafka takes it; `value` None deletes a key of a compacted topic.

    timestamp_ms: its append time; None leaves it to the client.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    timestamp_ms: int | None = None


def partition_of(owner: str) -> int:
    """The partition of an owner."""
    return zlib.crc32(owner.encode()) % PARTITIONS


def commit_records(
    cluster: Cluster, owner: str, state: Mapping[str, bytes | None], commit: Commit
) -> list[KafkaRecord]:
    """A commit's records on the changelog: the changed state and the commit itself."""
    topic, partition = cluster.topic(ASSOCIATION_STATE), partition_of(owner)
    changes = [KafkaRecord(topic, partition, f"{owner}|{key}".encode(), value) for key, value in state.items()]
    return [*changes, KafkaRecord(topic, partition, owner.encode(), msgspec.json.encode(commit))]


class OwnerStates:
    """Restore of owners' state from the changelog; threads take turns."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._open: tuple[Any, Any] | None = None

    def read_settled(self, owner: str, known: Followed | None = None) -> OwnerState:
        """Read the whole state, for an owner that has fenced the earlier ones, so that nothing of theirs can follow.

        known: what has been read of it before.

        Another owner's open transaction hides what comes after it from those who read committed records only, so
        this waits until that is settled.
        """
        return self._read(owner, known or Followed(), settled=True)

    def read_committed(self, owner: str) -> OwnerState:
        """Read the state that is committed now, without disturbing the owner."""
        return self._read(owner, Followed(), settled=False)

    def follow(self, owner: str, known: Followed) -> OwnerState:
        """Read on to the state that is committed now."""
        return self._read(owner, known, settled=False)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _read(self, owner: str, known: Followed, *, settled: bool) -> OwnerState:
        with self._lock, self._consumers() as (committed, everything):
            partition = TopicPartition(self._cluster.topic(ASSOCIATION_STATE), partition_of(owner))
            deadline = self._cluster.clock.monotonic_s() + RESTORE_TIMEOUT_S
            # Step 1: the end, past open transactions if they have to be waited for
            end = (everything if settled else committed).end_offsets([partition])[partition]
            # Step 2: from the first record of the partition on, or from where the last reading ended
            if committed.assignment() != {partition}:
                committed.assign([partition])
            begin = committed.beginning_offsets([partition])[partition] if known.offset is None else known.offset
            committed.seek(partition, begin)
            # Step 3: apply the owner's records in the order of its commits
            while committed.position(partition) < end:
                for record in committed.poll(5, max_records=5000).get(partition, ()):
                    _apply(known.restored, owner, record)
                known.offset = committed.position(partition)
                if self._cluster.clock.monotonic_s() > deadline:
                    raise KafkaTimeoutError(f"the state of '{owner}' could not be read in {RESTORE_TIMEOUT_S:g} s")
        return known.restored

    @contextlib.contextmanager
    def _consumers(self) -> Iterator[tuple[Any, Any]]:
        """Lend two consumers, one of committed records and one that sees all; made anew after a fault."""
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


def _apply(restored: OwnerState, owner: str, record: Any) -> None:
    name, separator, key = record.key.decode().partition("|")
    if name != owner:
        return
    if not separator:
        restored.commit = msgspec.json.decode(record.value, type=Commit)
    elif record.value is None:
        restored.state.pop(key, None)
    else:
        restored.state[key] = record.value
