"""Writing to Kafka as one owner: claims, restores, and commits that are known to be whole.

kafka-python's commit can succeed although a record of the transaction was given up, and it may not come back at all.
So a commit is guarded: every record is acknowledged before the transaction is ended, every call has a deadline, and
after anything but a plain success the producer is thrown away and the log itself is asked what it holds.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

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

from deploy.log.append_times import MS, append_time_ns
from deploy.log.base import Record
from deploy.log.brokers.access import BLOCK_TIMEOUT_S, DELIVERY_TIMEOUT_S
from deploy.log.brokers.commits import commit_transaction
from deploy.log.kafka_cluster import MAX_RECORD_BYTES, Cluster, abandon, advice, call_with_timeout, short_reason
from deploy.log.kafka_group import GroupOffsets
from deploy.log.kafka_state import Commit, Followed, KafkaRecord, OwnerState, OwnerStates, commit_records
from ingest.errors import FencedError, LogError, RefusedRecordError, SpentWriterError

logger = logging.getLogger(__name__)

COMMIT_TIMEOUT_S = 8.0
"""Longest end of a transaction; after it the outcome is looked up."""
BEAT_S = 0.9
"""Age of the last commit from which a beat is one."""
STAND_BACK_S = 2.0
"""Time that a fenced owner gives the one who fenced it to put its generation down."""

_FENCING = (ProducerFencedError, InvalidProducerEpochError)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_FATAL = (AuthorizationError, UnsupportedVersionError, *_TOO_LARGE)


class WrittenOffsets:
    """The offset up to which this process has written each topic, so that it can wait to read its own records."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}

    def last(self, topic: str) -> int:
        return self._last.get(topic, 0)

    def add(self, topic: str, offset: int) -> None:
        with self._lock:
            self._last[topic] = max(offset, self.last(topic))


class UnknownOutcomeError(KafkaError):  # type: ignore[misc]  # the client ships no types
    """The outcome of a transaction is not known: it may have been committed or not."""


class KafkaWriter:
    """Writer to a Kafka log as one owner. Making one fences every earlier one of the name.

    known: what a follower has read of the owner's state already.
    """

    def __init__(
        self,
        cluster: Cluster,
        states: OwnerStates,
        owner: str,
        written: WrittenOffsets,
        *,
        timeout_s: float,
        known: Followed | None = None,
    ) -> None:
        self._cluster = cluster
        self._states = states
        self._owner = owner
        self._written = written
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._spent = ""
        self._producer: Any = None
        self._acknowledged: list[tuple[str, int]] = []
        self._group: GroupOffsets | None = None
        self._committed_s = 0.0
        self._beats = False
        restored = self._claim(known)
        self._last, self._state = restored.commit, restored.state

    @property
    def generation(self) -> int:
        return self._last.generation

    @property
    def epoch(self) -> tuple[int, int]:
        """The producer that this writer has the name by, with its epoch; every claim changes it."""
        found = self._producer._transaction_manager.producer_id_and_epoch
        return int(found.producer_id), int(found.epoch)

    @property
    def position(self) -> int:
        return self._last.position

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    @property
    def dropped(self) -> int:
        return 0

    @property
    def held(self) -> int:
        return 0

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
                raise SpentWriterError(f"'{self._owner}' cannot write any more: {self._spent}; start it again")
            position = self._last.position if position is None else position
            commit = Commit(self._last.generation, position, self._last.batch + 1)
            sent = [
                KafkaRecord(
                    self._cluster.topic(record.topic),
                    0,
                    record.key.encode(),
                    record.value,
                    append_time_ns(record, self._cluster.clock) // MS,
                )
                for record in records
            ]
            sent += commit_records(self._cluster, self._owner, state, commit)
            for kafka_record in sent:
                _check_size(kafka_record)
            try:
                self._write(sent, commit)
            except UnknownOutcomeError as error:
                self._spent = f"whether its last commit was written is not known ({short_reason(error)})"
                raise LogError(
                    f"whether '{self._owner}' has committed to Kafka at {self._cluster.servers} is not known: "
                    f"{short_reason(error)} (start it again: it goes on from what was written)"
                ) from error
            except _TOO_LARGE as error:
                raise RefusedRecordError(
                    f"Kafka at {self._cluster.servers} refuses a commit of '{self._owner}': {short_reason(error)} "
                    "(nothing of it was written; raise the topic's max.message.bytes)"
                ) from error
            except KafkaError as error:
                raise LogError(
                    f"cannot commit for '{self._owner}' to Kafka at {self._cluster.servers}: {short_reason(error)} "
                    f"(nothing of it was written; {advice(self._cluster, error)})"
                ) from error
            except LogError:
                self._discard()
                raise
            except BaseException as error:
                self._spent = f"its last commit was broken off ({short_reason(error)})"
                self._discard()
                raise
            if position != self._last.position:
                self._show(position)
            self._last, self._committed_s = commit, self._now()
            for key, value in state.items():
                if value is None:
                    self._state.pop(key, None)
                else:
                    self._state[key] = value

    def beat(self) -> None:
        self._beats = True
        if self._now() - self._committed_s >= BEAT_S:
            self.commit([])

    def close(self) -> None:
        """Give the connection back; the name stays owned, until one who stands by for it takes it."""
        with self._lock:
            if self._beats and not self._spent and self._producer is not None:
                self._say_left()
            self._spent = self._spent or "it is closed"
            if self._group is not None:
                self._group.close(self.position)
            if self._producer is not None:
                self._producer.close(timeout=1.0)
                self._producer = None

    def _say_left(self) -> None:
        """Say that nobody has to wait for this owner any more; where it cannot be said, they wait."""
        last = self._last
        left = Commit(last.generation, last.position, last.batch + 1, left=True)
        try:
            self._run_transaction(commit_records(self._cluster, self._owner, {}, left))
        except KafkaError as error:
            logger.debug("'%s' could not say that it ends: %s", self._owner, short_reason(error))
            self._discard()

    def _show(self, position: int) -> None:
        """Have the new position shown by tools for lag."""
        if self._group is None:
            self._group = GroupOffsets(self._cluster, self._owner)
            self._group.check(self._last.position)
        self._group.note(position)

    # Claiming and recovery

    def _claim(self, known: Followed | None) -> OwnerState:
        """Fence the owner before, take over its state, and put the new generation down at once."""
        deadline = self._now() + self._timeout_s
        while True:
            try:
                # Step 1: fence the owner before; then nothing of its can follow what is read
                self._producer = self._init_producer(deadline)
                found = self._states.read_settled(self._owner, known)
                # Step 2: the new generation goes on the log at once, so that the owner before finds it there
                before = found.commit
                commit = Commit(before.generation + 1, before.position, before.batch + 1)
                self._run_transaction(commit_records(self._cluster, self._owner, {}, commit))
                return OwnerState(commit, dict(found.state))
            except KafkaError as error:
                # Step 3: once more, with a new producer, until it works or the time is over
                # One who claims at the same time, or the owner before, coming back from a fault, came between.
                self._discard()
                if isinstance(error, _FATAL) or self._now() > deadline:
                    raise LogError(
                        f"cannot claim '{self._owner}' on Kafka at {self._cluster.servers}: {short_reason(error)} "
                        f"({advice(self._cluster, error)})"
                    ) from error
                self._cluster.clock.sleep(0.05)
            except BaseException:
                self._discard()
                raise

    def _recover(self, deadline: float, *, fenced: bool) -> Commit:
        """Make a new producer after a fault and return what the log holds of this owner. Raises FencedError.

        An owner that has lost the name must not fence the new one in finding that out, so the log is read before.
        """
        # Step 1: look at the log without fencing anybody
        until = self._now() + (STAND_BACK_S if fenced else 0.0)
        self._cluster.reach(max(0.0, deadline - self._now()))
        self._raise_if_fenced(self._states.read_committed(self._owner).commit)
        # Step 2: give the one who fenced this owner time to put its generation down
        while self._now() < until:
            self._cluster.clock.sleep(0.1)
            self._raise_if_fenced(self._states.read_committed(self._owner).commit)
        # Step 3: on the log nobody else has the name, so fence what is left of the producer before
        self._producer = self._init_producer(deadline)
        # Step 4: what is settled now: another owner's generation, this one's commit, or less than it knows
        found = self._states.read_settled(self._owner).commit
        self._raise_if_fenced(found)
        if found.generation < self._last.generation:
            raise LogError(
                f"Kafka at {self._cluster.servers} has lost what '{self._owner}' had committed (generation "
                f"{found.generation} instead of {self._last.generation}): was a topic made anew?"
            )
        return found

    def _raise_if_fenced(self, found: Commit) -> None:
        if found.generation > self._last.generation:
            raise FencedError(
                f"'{self._owner}' is owned by another process now (generation {found.generation}, this one has "
                f"{self._last.generation}); stop one of the two"
            )

    def _init_producer(self, deadline: float) -> Any:
        """Make a producer whose epoch fences all earlier ones, and whose predecessors' transactions are settled."""
        self._cluster.reach(max(0.0, deadline - self._now()))
        producer = self._cluster.producer(self._owner)
        try:
            call_with_timeout(BLOCK_TIMEOUT_S + 1.0, producer.init_transactions)
        except BaseException:
            abandon(producer)
            raise
        return producer

    # Committing

    def _write(self, sent: Sequence[KafkaRecord], commit: Commit) -> None:
        """Commit, through faults, until it is known to be there, or the time is over."""
        deadline = self._now() + self._timeout_s
        unknown, fenced = False, False
        failed_s: float | None = None  # when the first fault of this commit came
        known = self._producer is None  # a fault of a commit before, which has been said
        while True:
            try:
                # Step 1: after a fault, a new producer, and what the log holds
                found = self._recover(deadline, fenced=fenced) if self._producer is None else None
                # Step 2: write it, unless it is the commit whose outcome was not known, and is there
                if found is None or not unknown or found.batch != commit.batch:
                    unknown = False
                    self._run_transaction(sent)
                # Step 3: it is there: this process waits to read its own records from now on
                self._note_written()
                if failed_s is not None and not known:
                    away_s = self._now() - failed_s
                    logger.info("'%s': Kafka is back after %.1f s, and the commit is written", self._owner, away_s)
                return
            except KafkaError as error:
                # Step 4: give the producer up; try again unless the error is fatal or the time is over
                failed_s = self._now() if failed_s is None else failed_s
                self._discard()
                unknown = unknown or isinstance(error, UnknownOutcomeError)
                fenced = isinstance(error, _FENCING) or isinstance(error.__cause__, _FENCING)
                if isinstance(error, _FATAL) or self._now() > deadline:
                    raise (UnknownOutcomeError(short_reason(error)) if unknown else error) from error
                self._cluster.clock.sleep(0.05)

    def _run_transaction(self, transaction: Sequence[KafkaRecord]) -> None:
        """Run one transaction; whatever it raises, this producer must not be used again."""
        producer = self._producer
        # Step 1: send every record
        producer.begin_transaction()
        sent = [
            (
                kafka_record,
                producer.send(
                    kafka_record.topic,
                    kafka_record.value,
                    kafka_record.key,
                    partition=kafka_record.partition,
                    timestamp_ms=kafka_record.timestamp_ms,
                ),
            )
            for kafka_record in transaction
        ]
        # Step 2: each must be acknowledged: a commit can succeed without one that was given up
        producer.flush(timeout=DELIVERY_TIMEOUT_S + 1.0)
        for _, future in sent:
            if not future.succeeded():
                raise future.exception or KafkaTimeoutError("a record was not acknowledged")
        self._acknowledged = [(kafka_record.topic, future.value.offset + 1) for kafka_record, future in sent]
        # Step 3: end the transaction; without a plain success its outcome is unknown
        try:
            unanswered = call_with_timeout(COMMIT_TIMEOUT_S, lambda: commit_transaction(producer))
        except KafkaError as error:
            raise UnknownOutcomeError(short_reason(error)) from error
        if unanswered:  # it may come during the next transaction
            raise UnknownOutcomeError("the connection broke before a commit was answered")

    def _note_written(self) -> None:
        """Note the acknowledged offsets as committed: from now on this process waits to read them."""
        for topic, offset in self._acknowledged:
            self._written.add(topic.removeprefix(self._cluster.prefix), offset)

    def _discard(self) -> None:
        if self._producer is not None:
            abandon(self._producer)
            self._producer = None

    def _now(self) -> float:
        return self._cluster.clock.monotonic_s()


def _check_size(kafka_record: KafkaRecord) -> None:
    size = len(kafka_record.key) + len(kafka_record.value or b"")
    if size > MAX_RECORD_BYTES:
        raise RefusedRecordError(
            f"a record of {size} bytes (key '{kafka_record.key.decode()[:80]}') is too large for {kafka_record.topic}: "
            f"at most {MAX_RECORD_BYTES}; nothing was written"
        )
