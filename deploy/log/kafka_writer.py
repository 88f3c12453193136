"""The right to write to Kafka as one owner: claims, restores, and commits that are known to be whole.

kafka-python's commit can succeed although a record of the transaction was given up, and it may not come back at all.
So a commit is guarded: every record is acknowledged before the transaction is ended, every call has a deadline, and
after anything but a plain success the producer is thrown away and the log itself is asked what it holds.
"""

import contextlib
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
from deploy.log.kafka_state import Commit, Left, Message, States, messages
from ingest.errors import FencedError, LogError, SpentWriterError

COMMIT_TIMEOUT_S = 8.0
"""How long ending a transaction may take; after it the outcome is looked up."""
SLOW_COMMIT_S = 4.0
"""An end that was asked for this long ago might have been asked twice: a straggler could end the next transaction."""
STAND_BACK_S = 2.0
"""How long a fenced owner gives the one who fenced it to put its generation down."""

_FENCING = (ProducerFencedError, InvalidProducerEpochError)
_HOPELESS = (AuthorizationError, MessageSizeTooLargeError, RecordListTooLargeError, UnsupportedVersionError)


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

    def __init__(self, cluster: Cluster, states: States, owner: str, written: Written, *, timeout_s: float) -> None:
        self._cluster = cluster
        self._states = states
        self._owner = owner
        self._written = written
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._spent = ""
        self._producer: Any = None
        self._acknowledged: list[tuple[str, int]] = []
        left = self._claim()
        self._last, self._state = left.commit, left.state

    @property
    def generation(self) -> int:
        return self._last.generation

    @property
    def position(self) -> int:
        return self._last.position

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    @property
    def dropped(self) -> int:
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
                Message(self._cluster.topic(record.topic), 0, record.key.encode(), record.value) for record in records
            ]
            sent += messages(self._cluster, self._owner, state, commit)
            for message in sent:
                _check_size(message)
            try:
                self._write(sent, commit)
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
            except LogError:
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

    def _claim(self) -> Left:
        """Fence the owner before, take over its state, and put the new generation down at once."""
        deadline = self._now() + self._timeout_s
        while True:
            try:
                self._producer = self._initialised(deadline)
                left = self._states.settled(self._owner)
                before = left.commit
                left.commit = Commit(before.generation + 1, before.position, before.batch + 1)
                self._guarded(messages(self._cluster, self._owner, {}, left.commit))
                return left
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
        self._refuse_if_lost(self._states.readable(self._owner).commit)
        while self._now() < until:
            self._cluster.clock.sleep(0.1)
            self._refuse_if_lost(self._states.readable(self._owner).commit)
        self._producer = self._initialised(deadline)
        found = self._states.settled(self._owner).commit
        self._refuse_if_lost(found)
        if found.generation < self._last.generation:
            raise LogError(
                f"Kafka at {self._cluster.servers} has lost what '{self._owner}' had committed (generation "
                f"{found.generation} instead of {self._last.generation}): was a topic made anew?"
            )
        return found

    def _refuse_if_lost(self, found: Commit) -> None:
        if found.generation > self._last.generation:
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

    # Committing

    def _write(self, sent: Sequence[Message], commit: Commit) -> None:
        """Commit, through faults, until it is known to be there, or the time is over."""
        deadline = self._now() + self._timeout_s
        unknown, fenced = False, False
        while True:
            try:
                if self._producer is None:
                    found = self._come_back(deadline, fenced=fenced)
                    if unknown and found.batch == commit.batch:
                        self._note_acknowledged()
                        return
                    unknown = False
                self._guarded(sent)
                self._note_acknowledged()
                return
            except KafkaError as error:
                self._discard()
                unknown = unknown or isinstance(error, UnknownOutcomeError)
                fenced = isinstance(error, _FENCING) or isinstance(error.__cause__, _FENCING)
                if isinstance(error, _HOPELESS) or self._now() > deadline:
                    raise (UnknownOutcomeError(brief(error)) if unknown else error) from error
                self._cluster.clock.sleep(0.05)

    def _guarded(self, transaction: Sequence[Message]) -> None:
        """One transaction; whatever it raises, this producer must not be used again."""
        producer = self._producer
        producer.begin_transaction()
        sent = [
            (message, producer.send(message.topic, message.value, message.key, partition=message.partition))
            for message in transaction
        ]
        producer.flush(timeout=DELIVERY_TIMEOUT_S + 1.0)
        for _, future in sent:
            if not future.succeeded():
                raise future.exception or KafkaTimeoutError("a record was not acknowledged")
        self._acknowledged = [(message.topic, future.value.offset + 1) for message, future in sent]
        begun = self._now()
        try:
            within(COMMIT_TIMEOUT_S, producer.commit_transaction)
        except KafkaError as error:
            raise UnknownOutcomeError(brief(error)) from error
        if self._now() - begun > SLOW_COMMIT_S:
            raise UnknownOutcomeError("the commit was slow")

    def _note_acknowledged(self) -> None:
        """What was acknowledged has been committed too: from now on this process waits to read it."""
        for topic, offset in self._acknowledged:
            self._written.add(topic.removeprefix(self._cluster.prefix), offset)

    def _discard(self) -> None:
        if self._producer is not None:
            _close_behind(self._producer)
            self._producer = None

    def _now(self) -> float:
        return self._cluster.clock.monotonic_s()


def _check_size(message: Message) -> None:
    size = len(message.key) + len(message.value or b"")
    if size > MAX_RECORD_BYTES:
        raise LogError(
            f"a record of {size} bytes (key '{message.key.decode()[:80]}') is too large for {message.topic}: "
            f"at most {MAX_RECORD_BYTES}; nothing was written"
        )


def _close_behind(producer: Any) -> None:
    """Close a producer that may hang, without waiting for it."""

    def close() -> None:
        with contextlib.suppress(Exception):  # it is given up: there is nobody to tell
            producer.close(timeout=TRANSACTION_TIMEOUT_S)

    threading.Thread(target=close, name="kafka-close", daemon=True).start()
