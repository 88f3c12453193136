"""An owner's position as a consumer group's offset: where every tool that shows lag looks for it.

Nothing of Corridor goes by it. The position that counts is in the commits, one with what was made of the records.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from deploy.log.kafka_cluster import Cluster, short_reason
from deploy.log.kafka_reader import CALL_TIMEOUT_S
from deploy.log.topics import OBSERVATIONS

logger = logging.getLogger(__name__)

EVERY_S = 1.0
"""Seconds between two offsets: people look at them."""
CALL_TIMEOUT_MS = CALL_TIMEOUT_S * 1000
MARK = "corridor"
"""Metadata of our own offsets, by which a reset by another program is known."""


class GroupOffsets:
    """The offset of an owner's group on `observations`; a failure costs a stale lag, and is said once."""

    def __init__(self, cluster: Cluster, owner: str) -> None:
        self.group = f"{cluster.prefix}corridor-{owner.replace('/', '-')}"
        self._cluster = cluster
        self._partition = TopicPartition(cluster.topic(OBSERVATIONS), 0)
        self._consumer: Any = None
        self._noted: int | None = None
        self._noted_s: float | None = None
        self._failed = False

    def check(self, position: int) -> None:
        """Warn of an offset that another program has set since, and say what does what it was meant for."""
        with self._failure_said():
            found = self._connected().committed(self._partition, metadata=True, timeout_ms=CALL_TIMEOUT_MS)
            if found is not None and found.metadata != MARK and found.offset != position:
                logger.warning(
                    "the offset of the group %s was set to %d by another program: association does not go by it, and "
                    "goes on after its own position %d (`corridor associate --from %d` begins there)",
                    self.group,
                    found.offset,
                    position,
                    found.offset,
                )

    def note(self, position: int) -> None:
        """Have the position shown soon; without waiting for it, and once a second at most."""
        now_s = self._cluster.clock.monotonic_s()
        if self._noted_s is not None and now_s - self._noted_s < EVERY_S:
            return
        self._noted_s = now_s
        with self._failure_said():
            self._connected().commit_async(self._offsets(position), callback=self._answered)
            self._noted = position

    def close(self, position: int) -> None:
        """Show the last position, and give the connection back."""
        if self._consumer is None:
            return
        if position != self._noted:
            with self._failure_said():
                self._consumer.commit(self._offsets(position), timeout_ms=CALL_TIMEOUT_MS)
        with contextlib.suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=1000)
        self._consumer = None

    def _connected(self) -> Any:
        if self._consumer is None:
            self._consumer = self._cluster.consumer(group=self.group)
            self._consumer.assign([self._partition])
        return self._consumer

    def _offsets(self, position: int) -> dict[TopicPartition, OffsetAndMetadata]:
        # The port's offsets are Kafka's plus one, so the last one read is the next one to read.
        return {self._partition: OffsetAndMetadata(position, MARK, -1)}

    def _answered(self, _: object, answer: object) -> None:
        if isinstance(answer, Exception):
            self._say_failure(answer)

    @contextlib.contextmanager
    def _failure_said(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            self._say_failure(error)

    def _say_failure(self, error: Exception) -> None:
        if not self._failed:
            logger.warning(
                "the lag of the group %s cannot be kept up to date: %s (may this client use the group?)",
                self.group,
                short_reason(error),
            )
        self._failed = True
