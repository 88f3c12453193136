"""Slots: the partitions of `cameras`, shared out among the processes that watch a site's cameras by Kafka's groups.

Only slots that a watched camera has are shared out, so that it is cameras that every process has the same number of.
A process is a member by its name (static membership): one that comes back within the session gets what it had, and
nobody else notices. What a dead one had, others get after the session; those who keep their slots notice nothing
(cooperative-sticky assignment).
"""

import logging
import threading
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import FencedInstanceIdError, KafkaError
from kafka.structs import OffsetAndMetadata

from deploy.log.brokers.access import consumer_arguments, milliseconds
from deploy.log.kafka_cluster import Cluster, short_reason, translated_errors
from deploy.log.topics import CAMERAS
from ingest.errors import FencedError

logger = logging.getLogger(__name__)

SESSION_S = 6.0
"""Time after which a silent process is taken for dead: the least that brokers allow by default."""
HEARTBEAT_S = 1.0
POLL_MS = 100
RETRY_S = 1.0


def group_of(cluster: Cluster) -> str:
    """The consumer group of a site's camera processes."""
    return f"{cluster.prefix}corridor-cameras"


class UsedSlots(CooperativeStickyAssignor):  # type: ignore[misc]  # the client ships no types
    """Assignor of those slots that are in use, as the member knows that leads the group."""

    def __init__(self) -> None:
        super().__init__()
        self.used: frozenset[int] = frozenset()

    def assign(self, cluster: Any, members: Any) -> Any:
        return super().assign(_ClusterOf(cluster, self.used), members)


class _ClusterOf:
    """A cluster's metadata as assignors read it, with some partitions only."""

    def __init__(self, cluster: Any, partitions: frozenset[int]) -> None:
        self.topics = cluster.topics
        self._cluster = cluster
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> frozenset[int] | None:
        found = self._cluster.partitions_for_topic(topic)
        return None if found is None else self._partitions & frozenset(found)


class SlotMember(ConsumerRebalanceListener):  # type: ignore[misc]  # the client ships no types
    """A process in the group. Between `join` and `leave` a thread keeps it there, and `slots` says what it has.

    `fenced` is set once another process has come with the same name: both would keep all they have, without end.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.slots: frozenset[int] = frozenset()
        self.fenced: FencedError | None = None
        self._cluster = cluster
        self._name = name
        self._assignor = UsedSlots()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slots", daemon=True)

    def use(self, used: frozenset[int]) -> None:
        """Say which slots are in use now: another number of them is shared out anew."""
        self._assignor.used = used

    def join(self) -> None:
        """Begin to ask for slots."""
        self._thread.start()

    def leave(self) -> None:
        """End; the slots stay this name's until the session is over, or the name is removed from the group."""
        self._stop.set()
        self._thread.join(SESSION_S)

    # The thread

    def _run(self) -> None:
        while not self._stop.is_set() and self.fenced is None:
            try:
                self._belong()
            except FencedInstanceIdError:
                self._give_way()
            except KafkaError as error:
                logger.warning("slots cannot be asked for: %s; trying again", short_reason(error))
                self._stop.wait(RETRY_S)

    def _belong(self) -> None:
        """Be a member until the end, or until a fault."""
        self._cluster.reach(RETRY_S)
        consumer = KafkaConsumer(
            **{
                **consumer_arguments(self._cluster.servers, self._cluster.access, committed=True),
                "auto_offset_reset": "latest",
                "fetch_max_wait_ms": milliseconds(HEARTBEAT_S),
            },
            group_id=group_of(self._cluster),
            group_instance_id=self._name,
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=milliseconds(SESSION_S),
            heartbeat_interval_ms=milliseconds(HEARTBEAT_S),
        )
        try:
            consumer.subscribe([self._cluster.topic(CAMERAS)], listener=self)
            committed_s, used = self._cluster.clock.monotonic_s(), self._assignor.used
            while not self._stop.is_set():
                if used != self._assignor.used:
                    used = self._assignor.used
                    consumer._coordinator.request_rejoin()
                consumer.poll(POLL_MS)
                now_s = self._cluster.clock.monotonic_s()
                if now_s - committed_s >= HEARTBEAT_S and self.slots:
                    committed_s = now_s
                    self._show_presence(consumer)
                    if self.fenced is not None:
                        return
        finally:
            consumer.close(autocommit=False, timeout_ms=milliseconds(RETRY_S))

    def _show_presence(self, consumer: Any) -> None:
        """Commit positions: the client's heartbeats do not tell of another process with this name, commits do."""
        own = TopicPartition(self._cluster.topic(CAMERAS), min(self.slots))
        try:
            consumer.commit({own: OffsetAndMetadata(0, "", -1)}, timeout_ms=milliseconds(SESSION_S))
        except FencedInstanceIdError:
            self._give_way()
        except KafkaError as error:  # the group is being shared out anew, or the broker is away
            logger.debug("no position could be committed: %s", short_reason(error))

    def _give_way(self) -> None:
        self.slots = frozenset()
        self.fenced = FencedError(
            f"another process watches cameras as '{self._name}' now; stop one of the two, or give it a name of its own "
            "with --worker"
        )

    def on_partitions_assigned(self, assigned: Any) -> None:
        self.slots |= {partition.partition for partition in assigned}

    def on_partitions_revoked(self, revoked: Any) -> None:
        self.slots -= {partition.partition for partition in revoked}

    def on_partitions_lost(self, lost: Any) -> None:
        self.on_partitions_revoked(lost)


def remove_member(cluster: Cluster, name: str) -> None:
    """Have others get at once what an ended process had; raises LogError."""
    with translated_errors(cluster, f"remove '{name}' from the group"), cluster.admin() as admin:
        admin.remove_group_members(group_of(cluster), [MemberToRemove(group_instance_id=name)])
