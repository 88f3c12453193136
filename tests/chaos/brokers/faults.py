"""Faults of brokers: each waits until the one before is mended, and mends itself while the site goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from kafka import KafkaProducer
from kafka.errors import KafkaError, NotEnoughReplicasError
from kafka.protocol.metadata import CoordinatorType

from deploy.log.topics import MATCHES, OBSERVATIONS
from tests.chaos.brokers.cluster import Brokers, Node
from tests.chaos.brokers.proxy import Harm
from tests.integration.kafka_log.waiting import wait_until

KILLED_S = 3.0
"""The others wait 2 s for a broker before they go on without it."""
STOPPED_S = 6.0
"""Longer than clients wait for an answer."""
PATIENCE_S = 150.0


class BrokerFaults:
    """Faults of three brokers, for a site whose topics have a prefix."""

    def __init__(self, brokers: Brokers, prefix: str) -> None:
        self._brokers = brokers
        self._prefix = prefix
        self._mending: list[threading.Timer] = []

    def __iter__(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Each with its name: on the way of commits, of the brokers that coordinate them, and of those with records."""
        for harm in Harm:
            yield harm.value, partial(self._brokers.harms.befall, harm)
        yield "the first broker of observations is killed", partial(self._kill, self._leader)
        yield "the coordinator of commits is killed", partial(self._kill, self._coordinator_of_commits)
        yield "the coordinator of groups is killed", partial(self._kill, self._coordinator_of_groups)
        yield "a broker stands still", self._stand_still
        yield "too few copies in sync", self._too_few_copies

    def mended(self) -> None:
        """Wait until everything is as before."""
        for timer in self._mending:
            timer.join()
        self._mending.clear()
        self._brokers.await_copies()

    def _leader(self) -> Node:
        return self._brokers.leader(f"{self._prefix}{OBSERVATIONS}")

    def _coordinator_of_commits(self) -> Node:
        return self._brokers.coordinator(CoordinatorType.TRANSACTION, f"{self._prefix}zone/main")

    def _coordinator_of_groups(self) -> Node:
        return self._brokers.coordinator(CoordinatorType.GROUP, f"{self._prefix}corridor-zone-main")

    def _kill(self, find: Callable[[], Node]) -> None:
        self.mended()
        node = find()
        node.kill()
        self._later(KILLED_S, node.launch)

    def _stand_still(self) -> None:
        self.mended()
        node = self._leader()
        node.stop()
        self._later(STOPPED_S, node.go_on)

    def _too_few_copies(self) -> None:
        """Two of three are killed; goes on once that is what a plain producer is told."""
        self.mended()
        leader = self._leader()
        others = [node for node in self._brokers.nodes if node is not leader]
        for node in others:
            node.kill()
        wait_until(self._refused_for_want_of_copies, PATIENCE_S)
        for node in others:
            self._later(KILLED_S, node.launch)

    def _refused_for_want_of_copies(self) -> bool:
        producer = KafkaProducer(
            bootstrap_servers=self._brokers.direct, acks="all", enable_idempotence=False, retries=0, max_block_ms=2000
        )
        with closing(producer):
            try:
                producer.send(f"{self._prefix}{MATCHES}", b"is anybody there?", partition=0).get(5.0)
            except NotEnoughReplicasError:
                return True
            except KafkaError:  # those that are gone are not missed yet
                pass
        return False

    def _later(self, after_s: float, mend: Callable[[], None]) -> None:
        self._mending.append(threading.Timer(after_s, mend))
        self._mending[-1].start()
