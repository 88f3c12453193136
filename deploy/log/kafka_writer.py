"""The right to write to Kafka as one owner: claims, restores, and commits that are known to be whole.

kafka-python's commit can succeed although a record of the transaction was given up, and it may not come back at all.
So a commit is guarded: every record is acknowledged before the transaction is ended, every call has a deadline, and
after anything but a plain success the producer is thrown away and the log itself is asked what it holds.
"""

import contextlib
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
from kafka import TopicPartition
from kafka.errors import (
    AuthorizationError,
    InvalidProducerEpochError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFencedError,
    RecordListTooLargeError,
    UnsupportedVersionError,
)

from deploy.log.base import Record
from deploy.log.kafka_cluster import (
    BLOCK_TIMEOUT_S,
    DELIVERY_TIMEOUT_S,
    MAX_RECORD_BYTES,
    TRANSACTION_TIMEOUT_S,
    Cluster,
    brief,
    within,
)
from deploy.log.topics import ASSOCIATION_STATE, LAYOUTS
from ingest.errors import FencedError, LogError

COMMIT_TIMEOUT_S = 8.0
"""How long ending a transaction may take; after it the outcome is looked up."""
SLOW_COMMIT_S = 4.0
"""An end that was asked for this long ago might have been asked twice: a straggler could end the next transaction."""
RESTORE_TIMEOUT_S = 30.0
"""Longer than it takes the broker to abort what another, dead, owner has left open in the same partition."""
STAND_BACK_S = 2.0
"""How long a fenced owner gives the one who fenced it to put its generation down."""

_FENCING = (ProducerFencedError, InvalidProducerEpochError)
_HOPELESS = (AuthorizationError, MessageSizeTooLargeError, RecordListTooLargeError, UnsupportedVersionError)
_STATE_PARTITIONS = next(layout.partitions for layout in LAYOUTS if layout.name == ASSOCIATION_STATE)


class Commit(msgspec.Struct, frozen=True):
    """What the last commit of an owner left, beside its state: JSON on `association-state`, key: the owner."""

    generation: int = 0
    position: int = 0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A record as Kafka takes it; `value` None deletes a key of a compacted topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None


class Written:
    """Up to where this process has written each topic, so that it can wait to read its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}

    def last(self, topic: str) -> int:
        return self._last.get(topic, 0)

    def add(self, topic: str, offset: int) -> None:
        with self._lock:
            self._last[topic] = max(offset, self.last(topic))


class UnknownOutcomeError(KafkaError):  # type: ignore[misc]  # the client ships no types
    """Whether the transaction was committed cannot be told from here."""


class KafkaWriter:
    """The right to write to a Kafka log as one owner. Making one fences every earlier one of the name."""

    def __init__(self, cluster: Cluster, owner: str, written: Written, *, timeout_s: float) -> None:
        self._cluster = cluster
        self._owner = owner
        self._written = written
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._spent = ""
        self._producer: Any = None
        self._last, self._state = self._claim()

    @property
    def generation(self) -> int:
        return self._last.generation

    @property
    def position(self) -> int:
        return self._last.position

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        state = state or {}
        with self._lock:
            if self._spent:
                raise LogError(f"'{self._owner}' cannot write any more: {self._spent}; start it again")
            position = self._last.position if position is None else position
            commit = Commit(self._last.generation, position, self._last.batch + 1)
            messages = [*self._records(records), *self._changes(state), self._mark(commit)]
            try:
                self._write(messages, commit)
            except UnknownOutcomeError as error:
                self._spent = f"whether its last commit was written is not known ({brief(error)})"
                raise LogError(
                    f"whether '{self._owner}' has committed to Kafka at {self._cluster.servers} is not known: "
                    f"{brief(error)} (start it again: it goes on from what was written)"
                ) from error
            except KafkaError as error:
                raise LogError(
                    f"cannot commit for '{self._owner}' to Kafka at {self._cluster.servers}: {brief(error)} "
                    "(nothing of it was written; is the broker up?)"
                ) from error
            except FencedError:
                self._discard()
                raise
            except BaseException as error:
                self._spent = f"its last commit was broken off ({brief(error)})"
                self._discard()
                raise
            self._last = commit
            for key, value in state.items():
                if value is None:
                    self._state.pop(key, None)
                else:
                    self._state[key] = value

    def close(self) -> None:
        """Give the connection back; the name stays owned."""
        with self._lock:
            self._spent = "it is closed"
            if self._producer is not None:
                self._producer.close(timeout=1.0)
                self._producer = None

    # Claiming and coming back

    def _claim(self) -> tuple[Commit, dict[str, bytes]]:
        """Fence the owner before, take over its state, and put the new generation down at once."""
        deadline = self._now() + self._timeout_s
        while True:
            try:
                self._producer = self._initialised(deadline)
                found, state = self._restore()
                commit = Commit(found.generation + 1, found.position, found.batch + 1)
                self._guarded([self._mark(commit)])
                return commit, state
            except KafkaError as error:
                # One who claims at the same time, or the owner before, coming back from a fault, came between.
                self._discard()
                if isinstance(error, _HOPELESS) or self._now() > deadline:
                    raise LogError(
                        f"cannot claim '{self._owner}' on Kafka at {self._cluster.servers}: {brief(error)} "
                        "(is the broker up, and may this client use transactions?)"
                    ) from error
                self._cluster.clock.sleep(0.05)
            except BaseException:
                self._discard()
                raise

    def _come_back(self, deadline: float, *, fenced: bool) -> Commit:
        """A new producer after a fault; what the log holds of this owner. Raises FencedError.

        Who has lost the name must not fence the new owner in finding that out, so the log is read before.
        """
        until = self._now() + (STAND_BACK_S if fenced else 0.0)
        if not self._cluster.answers(max(0.0, deadline - self._now())):
            raise KafkaTimeoutError("no broker answers")
        self._refuse_if_lost(self._restore(settle=False)[0])
        while self._now() < until:
            self._cluster.clock.sleep(0.1)
            self._refuse_if_lost(self._restore(settle=False)[0])
        self._producer = self._initialised(deadline)
        found, _ = self._restore()
        self._refuse_if_lost(found)
        return found

    def _refuse_if_lost(self, found: Commit) -> None:
        if found.generation != self._last.generation:
            raise FencedError(
                f"'{self._owner}' is owned by another process now (generation {found.generation}, this one has "
                f"{self._last.generation}); stop one of the two"
            )

    def _initialised(self, deadline: float) -> Any:
        """A producer whose epoch fences all earlier ones, and whose predecessors' transactions are settled."""
        if not self._cluster.answers(max(0.0, deadline - self._now())):
            raise KafkaTimeoutError("no broker answers")
        producer = self._cluster.producer(self._owner)
        try:
            within(BLOCK_TIMEOUT_S + 1.0, producer.init_transactions)
        except BaseException:
            _close_behind(producer)
            raise
        return producer

    def _restore(self, *, settle: bool = True) -> tuple[Commit, dict[str, bytes]]:
        """What the log holds of this owner.

        `settle`: everything that is in the partition now, even where another owner's open transaction makes readers
        wait; else what can be read at once.
        """
        commit = Commit()
        state: dict[str, bytes] = {}
        with self._state_consumer() as (consumer, partition):
            deadline = self._now() + RESTORE_TIMEOUT_S
            end = None if settle else consumer.end_offsets([partition])[partition]
            while end is None or consumer.position(partition) < end:
                for record in consumer.poll(5, max_records=5000).get(partition, ()):
                    owner, separator, key = record.key.decode().partition("|")
                    if owner != self._owner:
                        continue
                    if not separator:
                        commit = msgspec.json.decode(record.value, type=Commit)
                    elif record.value is None:
                        state.pop(key, None)
                    else:
                        state[key] = record.value
                # The broker's own end, read after fencing: nothing of this owner can come after it.
                end = consumer.highwater(partition) if end is None else end
                if self._now() > deadline:
                    raise KafkaTimeoutError(
                        f"the state of '{self._owner}' could not be read in {RESTORE_TIMEOUT_S:g} s"
                    )
        return commit, state

    @contextlib.contextmanager
    def _state_consumer(self) -> Iterator[tuple[Any, TopicPartition]]:
        consumer = self._cluster.consumer()
        try:
            partition = TopicPartition(self._cluster.topic(ASSOCIATION_STATE), self._home)
            consumer.assign([partition])
            consumer.seek(partition, consumer.beginning_offsets([partition])[partition])
            yield consumer, partition
        finally:
            consumer.close(autocommit=False, timeout_ms=1000)

    # Committing

    def _write(self, messages: Sequence[Message], commit: Commit) -> None:
        """Commit, through faults, until it is known to be there, or the time is over."""
        deadline = self._now() + self._timeout_s
        unknown, fenced = False, False
        while True:
            try:
                if self._producer is None:
                    found = self._come_back(deadline, fenced=fenced)
                    if unknown and found.batch == commit.batch:
                        return
                    unknown = False
                self._guarded(messages)
                return
            except KafkaError as error:
                self._discard()
                unknown = unknown or isinstance(error, UnknownOutcomeError)
                fenced = isinstance(error, _FENCING) or isinstance(error.__cause__, _FENCING)
                if isinstance(error, _HOPELESS) or self._now() > deadline:
                    raise (UnknownOutcomeError(brief(error)) if unknown else error) from error
                self._cluster.clock.sleep(0.05)

    def _guarded(self, messages: Sequence[Message]) -> None:
        """One transaction; whatever it raises, this producer must not be used again."""
        producer = self._producer
        producer.begin_transaction()
        sent = [
            (message, producer.send(message.topic, message.value, message.key, partition=message.partition))
            for message in messages
        ]
        producer.flush(timeout=DELIVERY_TIMEOUT_S + 1.0)
        for _, future in sent:
            if not future.succeeded():
                raise future.exception or KafkaTimeoutError("a record was not acknowledged")
        begun = self._now()
        try:
            within(COMMIT_TIMEOUT_S, producer.commit_transaction)
        except KafkaError as error:
            raise UnknownOutcomeError(brief(error)) from error
        if self._now() - begun > SLOW_COMMIT_S:
            raise UnknownOutcomeError("the commit was slow")
        for message, future in sent:
            self._written.add(message.topic.removeprefix(self._cluster.prefix), future.value.offset + 1)

    def _discard(self) -> None:
        if self._producer is not None:
            _close_behind(self._producer)
            self._producer = None

    def _now(self) -> float:
        return self._cluster.clock.monotonic_s()

    # Messages

    @property
    def _home(self) -> int:
        """The partition of this owner's state."""
        return zlib.crc32(self._owner.encode()) % _STATE_PARTITIONS

    def _records(self, records: Sequence[Record]) -> list[Message]:
        return [
            _sized(Message(self._cluster.topic(record.topic), 0, record.key.encode(), record.value))
            for record in records
        ]

    def _changes(self, state: Mapping[str, bytes | None]) -> list[Message]:
        topic = self._cluster.topic(ASSOCIATION_STATE)
        return [
            _sized(Message(topic, self._home, f"{self._owner}|{key}".encode(), value)) for key, value in state.items()
        ]

    def _mark(self, commit: Commit) -> Message:
        topic = self._cluster.topic(ASSOCIATION_STATE)
        return Message(topic, self._home, self._owner.encode(), msgspec.json.encode(commit))


def _sized(message: Message) -> Message:
    size = len(message.key) + len(message.value or b"")
    if size > MAX_RECORD_BYTES:
        raise LogError(
            f"a record of {size} bytes (key '{message.key.decode()[:80]}') is too large for {message.topic}: "
            f"at most {MAX_RECORD_BYTES}; nothing was written"
        )
    return message


def _close_behind(producer: Any) -> None:
    """Close a producer that may hang, without waiting for it."""

    def close() -> None:
        with contextlib.suppress(Exception):  # it is given up: there is nobody to tell
            producer.close(timeout=TRANSACTION_TIMEOUT_S)

    threading.Thread(target=close, name="kafka-close", daemon=True).start()
