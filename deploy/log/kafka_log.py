"""The log on Apache Kafka: transactions, one partition a zone, every owner's state in a compacted topic.

Offsets have gaps, since Kafka's transactions leave marks between the records, and `end` may stand on such a mark.
"""

import threading
from collections.abc import Mapping

from deploy.log.base import StoredRecord
from deploy.log.brokers.topics import require_topics
from deploy.log.kafka_appender import KafkaAppender
from deploy.log.kafka_claims import Claims
from deploy.log.kafka_cluster import Cluster, translated_errors
from deploy.log.kafka_reader import PartitionReader
from deploy.log.kafka_state import Followed, OwnerStates
from deploy.log.kafka_writer import KafkaWriter, WrittenOffsets
from ingest.errors import ConfigError


class KafkaLog:
    """A log on a Kafka cluster; it may be shared between threads.

    commit_timeout_s: how long a commit goes on trying while the cluster is away, before it raises LogError.
    Opening raises ConfigError if no broker lets us in within `connect_timeout_s`, or the topics are not as they must
    be.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        connect_timeout_s: float = 10.0,
        commit_timeout_s: float = 45.0,
    ) -> None:
        self.cluster = cluster
        self._topics = {topic.name: topic for topic in require_topics(cluster, connect_timeout_s)}
        self._commit_timeout_s = commit_timeout_s
        self._lock = threading.Lock()
        self._readers: dict[str, PartitionReader] = {}
        self._writers: list[KafkaWriter] = []
        self._states = OwnerStates(self.cluster)
        self._written = WrittenOffsets()
        self.claims = Claims(self.cluster)

    def claim(self, owner: str, known: Followed | None = None) -> KafkaWriter:
        """As the port has it; `known`: what was followed of the owner's state before."""
        if "|" in owner:
            raise ConfigError(f"'{owner}' cannot own anything on Kafka: a name must not hold '|'")
        writer = KafkaWriter(
            self.cluster, self._states, owner, self._written, timeout_s=self._commit_timeout_s, known=known
        )
        with self._lock:
            self._writers.append(writer)
        return writer

    def claim_to_append(self, owner: str) -> KafkaWriter:
        """Become the owner of a name, for one who will not commit: the connection is given back at once."""
        writer = self.claim(owner)
        self.claims.note(owner, writer.epoch)
        writer.close()
        return writer

    def follow(self, owner: str, known: Followed) -> None:
        """Read on in the state of an owner that has the name, without disturbing it."""
        with translated_errors(self.cluster, f"follow '{owner}'"):
            self._states.follow(owner, known)

    def appender(self) -> KafkaAppender:
        """Appends of all owners of this process, outside any commit."""
        return KafkaAppender(self.cluster, self._written)

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        return self._reader(topic).read(after, limit, written=self._written.last(topic))

    def end(self, topic: str) -> int:
        return self._reader(topic).end(written=self._written.last(topic))

    def topic_id(self, topic: str) -> str:
        with translated_errors(self.cluster, "describe the topics"), self.cluster.admin() as admin:
            (described,) = admin.describe_topics([self.cluster.topic(topic)])
        return str(described.get("topic_id", ""))

    def state_of(self, owner: str) -> Mapping[str, bytes]:
        with translated_errors(self.cluster, f"read the state of '{owner}'"):
            return self._states.read_committed(owner).state

    def kept_s(self, topic: str) -> float | None:
        return self._topics[self.cluster.topic(topic)].kept_s

    def close(self) -> None:
        with self._lock:
            for writer in self._writers:
                writer.close()
            for reader in self._readers.values():
                reader.close()
            self._states.close()
            self.claims.close()
            self._writers.clear()
            self._readers.clear()

    def _reader(self, topic: str) -> PartitionReader:
        with self._lock:
            if topic not in self._readers:
                self._readers[topic] = PartitionReader(self.cluster, topic)
            return self._readers[topic]
