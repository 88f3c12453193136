"""Committed records of one Kafka partition, in order."""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError, OffsetOutOfRangeError

from deploy.log.append_times import MS
from deploy.log.base import StoredRecord
from deploy.log.kafka_cluster import Cluster, advice, short_reason
from ingest.errors import LogError

T = TypeVar("T")

logger = logging.getLogger(__name__)

READ_TIMEOUT_S = 30.0
"""Longest absence of the broker, or of an end to a dead writer's transaction, before a reader gives up."""
CALL_TIMEOUT_S = 5.0
"""Longest time of one call, before the connection is made anew."""
POLL_MS = 3
"""Time after which a poll that finds only the marks of transactions comes back."""


class PartitionReader:
    """Reader by the port's offsets: Kafka's plus one, so that 0 is before the first. Threads take turns."""

    def __init__(self, cluster: Cluster, topic: str, partition: int = 0) -> None:
        self._cluster = cluster
        self._topic = cluster.topic(topic)
        self._partition = TopicPartition(self._topic, partition)
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._after: int | None = None

    def end(self, *, written: int) -> int:
        """Offset up to which all transactions are settled, once `written` is: the last record is there, or before."""
        with self._lock:
            return self._with_retries(lambda: self._stable_end(written, or_above=written))

    def read(self, after: int, limit: int, *, written: int) -> list[StoredRecord]:
        """Read up to `limit` records after an offset; fewer where fewer are settled.

        `written`: what this process has committed itself; it is waited for, so that one reads what one has written.
        """
        if limit < 1:
            return []
        with self._lock:
            return self._with_retries(lambda: self._read(after, limit, written))

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _with_retries(self, work: Callable[[], T]) -> T:
        """Call `work`, again where the broker was away meanwhile; raises LogError after READ_TIMEOUT_S."""
        deadline = self._cluster.clock.monotonic_s() + READ_TIMEOUT_S
        while True:
            try:
                if self._consumer is None:
                    self._connect(deadline)
                return work()
            except KafkaError as error:
                self._disconnect()
                if isinstance(error, AuthorizationError) or self._cluster.clock.monotonic_s() > deadline:
                    raise LogError(
                        f"cannot read {self._topic} on Kafka at {self._cluster.servers}: {short_reason(error)} "
                        f"({advice(self._cluster, error)})"
                    ) from error

    def _connect(self, deadline: float) -> None:
        self._cluster.reach(max(0.0, deadline - self._cluster.clock.monotonic_s()))
        self._consumer = self._cluster.consumer()
        self._consumer.assign([self._partition])
        self._after = None

    def _disconnect(self) -> None:
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):
                self._consumer.close(autocommit=False, timeout_ms=1000)
            self._consumer = None

    def _read(self, after: int, limit: int, written: int) -> list[StoredRecord]:
        # Step 1: the end of what is settled, own records included
        end = self._stable_end(written if after < written else 0, or_above=after)
        # Step 2: read on from the offset; where retention has removed it, from the first record there is
        self._seek(after)
        try:
            return self._take(limit, end)
        except OffsetOutOfRangeError:
            self._skip_removed(after)
            return self._take(limit, end)

    def _stable_end(self, wanted: int, *, or_above: int) -> int:
        """Wait for the last stable offset to reach `wanted`; in the end one that is above `or_above` will do."""
        deadline = self._cluster.clock.monotonic_s() + READ_TIMEOUT_S
        while True:
            end = int(self._consumer.end_offsets([self._partition], timeout_ms=CALL_TIMEOUT_S * 1000)[self._partition])
            if end >= wanted:
                return end
            if self._cluster.clock.monotonic_s() > deadline:
                if end > or_above:
                    return end
                raise LogError(
                    f"what was committed to {self._topic} on Kafka at {self._cluster.servers} cannot be read for "
                    f"{READ_TIMEOUT_S:g} s: a transaction hangs (see kafka-transactions.sh find-hanging)"
                )
            self._cluster.clock.sleep(0.001)

    def _seek(self, after: int) -> None:
        """Make ready to read what comes after; a reader that goes on in order stands there already."""
        if after != self._after:
            self._consumer.seek(self._partition, after or self._first_offset())
            self._after = after

    def _take(self, limit: int, end: int) -> list[StoredRecord]:
        assert self._after is not None
        found: list[StoredRecord] = []
        deadline = self._cluster.clock.monotonic_s() + CALL_TIMEOUT_S
        # A place beyond the end is asked for once: the broker says whether it is beyond everything.
        beyond = self._after > end
        while beyond or (len(found) < limit and self._consumer.position(self._partition) < end):
            try:
                fetched = self._consumer.poll(100 if beyond else POLL_MS, max_records=limit - len(found))
            except KafkaError:
                if found:
                    break
                raise
            for record in fetched.get(self._partition, ()):
                key = (record.key or b"").decode(errors="replace")
                appended_ns = max(0, record.timestamp) * MS  # -1 where a broker keeps none
                found.append(StoredRecord(record.offset + 1, key, record.value or b"", appended_ns))
            if self._cluster.clock.monotonic_s() > deadline:
                if found:
                    break
                raise KafkaTimeoutError(f"nothing comes, though there is more than offset {self._after}")
            beyond = False
        if found:
            self._after = found[-1].offset
        return found

    def _skip_removed(self, after: int) -> None:
        """Go on where the place is gone: warn if retention was faster, refuse if the topic was made anew."""
        first = self._first_offset()
        if after >= first:
            raise LogError(
                f"offset {after} of {self._topic} on Kafka at {self._cluster.servers} is beyond its end: the topic was "
                "made anew or has lost records (restore it, or start with new topics)"
            )
        logger.warning(
            "offsets %d to %d of %s were removed by its retention before they were read", after + 1, first, self._topic
        )
        self._consumer.seek(self._partition, first)

    def _first_offset(self) -> int:
        return int(
            self._consumer.beginning_offsets([self._partition], timeout_ms=CALL_TIMEOUT_S * 1000)[self._partition]
        )
