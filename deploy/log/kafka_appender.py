"""Appends to Kafka outside any transaction: one idempotent producer for all cameras of a process.

A transaction a camera costs fourteen times as much of a processor, and one that its process leaves open, because it was
killed, hides from readers what everybody else appends, until the broker ends it. What is appended here can be read at
once. It may stand on the log twice after a fault, or come from an owner that has been replaced: every reader drops both
by epoch and count (`deploy/log/observations.py`).
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from deploy.log.append_times import MS
from deploy.log.base import Addition
from deploy.log.kafka_cluster import MAX_RECORD_BYTES, Cluster, abandon, advice, short_reason
from deploy.log.kafka_state import partition_of
from deploy.log.kafka_writer import WrittenOffsets
from deploy.log.topics import ASSOCIATION_STATE
from ingest.errors import LogError, RefusedRecordError

SILENCE_S = 10.0
"""Longest wait for an acknowledgement; then the producer is given up, in case it is wedged."""


class KafkaAppender:
    """Appender to a cluster. After an error, whatever is not acknowledged has to be sent again, in order."""

    def __init__(self, cluster: Cluster, written: WrittenOffsets) -> None:
        self._cluster = cluster
        self._written = written
        self._producer: Any = None
        self._unanswered: deque[tuple[str, Any]] = deque()
        self._heard_s = 0.0

    def send(self, additions: Sequence[Addition]) -> None:
        """Hand records over, in order. Raises LogError where no broker answers, RefusedRecordError for a record."""
        if self._producer is None:
            try:
                self._cluster.reach(0.0)
                self._producer = self._cluster.appending_producer()
            except KafkaError as error:
                self._fail(error)
        if not self._unanswered:
            self._heard_s = self._cluster.clock.monotonic_s()
        for addition in additions:
            self._send(addition)

    def _send(self, addition: Addition) -> None:
        size = len(addition.key) + len(addition.value or b"")
        if size > MAX_RECORD_BYTES:
            self._refuse(f"a record of {size} bytes is too large for {addition.topic}: at most {MAX_RECORD_BYTES}")
        try:
            future = self._producer.send(
                self._cluster.topic(addition.topic),
                addition.value,
                addition.key.encode(),
                partition=partition_of(addition.owner) if addition.topic == ASSOCIATION_STATE else 0,
                timestamp_ms=self._cluster.clock.now_ns() // MS,
            )
        except KafkaError as error:
            self._fail(error)
        self._unanswered.append((addition.topic, future))

    def acknowledged(self) -> int:
        """Count the records, in the order of sending, that have come onto the log since the last call.

        Raises LogError where one did not, or nothing was heard for SILENCE_S; RefusedRecordError where it never will.
        """
        count, now_s = 0, self._cluster.clock.monotonic_s()
        while self._unanswered and self._unanswered[0][1].is_done:
            topic, future = self._unanswered[0]
            if not future.succeeded():
                if count:  # say first what has come onto the log
                    break
                self._fail(future.exception)
            self._unanswered.popleft()
            self._written.add(topic, future.value.offset + 1)
            self._heard_s = now_s
            count += 1
        if not count and self._unanswered and now_s - self._heard_s > SILENCE_S:
            self._fail(None)
        return count

    def discard(self) -> None:
        """Give the producer up with all that is unanswered; the next `send` makes a new one."""
        self._unanswered.clear()
        if self._producer is not None:
            abandon(self._producer)
            self._producer = None

    def _fail(self, error: KafkaError | None) -> None:
        self.discard()
        reason = short_reason(error) if error is not None else f"no acknowledgement for {SILENCE_S:g} s"
        if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            self._refuse(f"{reason} (raise the topic's max.message.bytes)", error)
        words = advice(self._cluster, error or KafkaTimeoutError())
        raise LogError(f"cannot write to Kafka at {self._cluster.servers}: {reason} ({words})") from error

    def _refuse(self, reason: str, error: KafkaError | None = None) -> None:
        self.discard()
        raise RefusedRecordError(f"Kafka at {self._cluster.servers} refuses a record: {reason}") from error
