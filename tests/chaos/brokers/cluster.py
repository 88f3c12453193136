"""Three brokers and a controller of one's own: each record is on all three, and a commit needs two of them."""

import base64
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from kafka.errors import KafkaError
from kafka.protocol.metadata import CoordinatorType

from deploy.log.kafka_cluster import Cluster
from tests.chaos.brokers.proxy import Harms, Proxy
from tests.contracts.configured_broker import ConfiguredBroker
from tests.contracts.kafka_broker import START_TIMEOUT_S, free_ports, started

COPIES = 3
CONTROLLER = 100
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "replica.lag.time.max.ms": "2000",
}


class Node(ConfiguredBroker):
    """A broker, or the controller, of several."""

    def __init__(self, number: int, harms: Harms) -> None:
        super().__init__()
        self.number = number
        self.servers, self._behind = (f"127.0.0.1:{port}" for port in free_ports(2))
        self.proxy = Proxy(self._behind, harms)

    def settings(self, controller: "Node") -> dict[str, str]:
        voters = {"node.id": str(self.number), "controller.quorum.voters": f"{CONTROLLER}@{controller.servers}"}
        if self is controller:
            listener = f"CONTROLLER://{self.servers}"
            return voters | {"process.roles": "controller", "listeners": listener, "advertised.listeners": listener}
        return {
            **voters,
            **REPLICATED,
            "process.roles": "broker",
            "listeners": f"PLAINTEXT://{self.servers},PROXIED://{self._behind}",
            "advertised.listeners": f"PLAINTEXT://{self.servers},PROXIED://{self.proxy.address}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
        }

    def take_format(self, formatted: "Node") -> None:
        """Take over the formatted folder of another node, as one's own."""
        shutil.copytree(formatted.folder / "data", self.folder / "data")
        described = self.folder / "data" / "meta.properties"
        own = base64.urlsafe_b64encode(b"corridor" + os.urandom(8)).decode().rstrip("=")
        of_node = re.sub("node.id=.*", f"node.id={self.number}", described.read_text())
        described.write_text(re.sub("directory.id=.*", f"directory.id={own}", of_node))

    def stop(self) -> None:
        """Have it stand still, its connections open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def discard(self) -> None:
        super().discard()
        self.proxy.close()


class Brokers:
    """The three, and what befalls commits on the way to them: `harms`. Clients of `servers` come by the proxies."""

    def __init__(self) -> None:
        self.harms = Harms()
        self.nodes = [Node(number, self.harms) for number in range(1, COPIES + 1)]
        self._controller = Node(CONTROLLER, self.harms)
        self.servers = ",".join(node.proxy.address for node in self.nodes)
        self.direct = ",".join(node.servers for node in self.nodes)
        self._cluster = Cluster(self.direct)

    def start(self) -> None:
        for node in (*self.nodes, self._controller):
            node.configure(node.settings(self._controller))
        self._controller.format()
        for node in self.nodes:
            node.take_format(self._controller)
        for node in (self._controller, *self.nodes):
            node.launch()
        self._await(self._complete)

    def leader(self, topic: str) -> Node:
        """The broker that leads the first partition of a topic."""
        return self._node(self._described([topic])[0]["partitions"][0]["leader_id"])

    def coordinator(self, kind: CoordinatorType, name: str) -> Node:
        """The broker that coordinates a transactional id, or a group."""
        with self._cluster.admin() as admin:
            return self._node(admin._manager.run(admin._find_coordinator_id, name, kind))

    def await_copies(self) -> None:
        """Wait until every broker has all there is."""
        self._await(self._in_sync)

    def discard(self) -> None:
        for node in (*self.nodes, self._controller):
            node.discard()

    def _complete(self) -> bool:
        with self._cluster.admin() as admin:
            return len(admin.describe_cluster()["brokers"]) == COPIES

    def _in_sync(self) -> bool:
        found = [each for topic in self._described(None) for each in topic["partitions"]]
        return all(len(each["isr_nodes"]) == len(each["replica_nodes"]) for each in found)

    def _described(self, topics: list[str] | None) -> list[dict[str, Any]]:
        with self._cluster.admin() as admin:
            return list(admin.describe_topics(topics))

    def _node(self, number: int) -> Node:
        return next(node for node in self.nodes if node.number == number)

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with suppress(KafkaError):
                if condition():
                    return
            for node in (*self.nodes, self._controller):
                node.check_alive()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the brokers did not come together within {START_TIMEOUT_S:g} s")
            time.sleep(0.2)


@cache
def three_brokers() -> Brokers:
    """Those that all tests of a process share; skips or fails where none can be had."""
    return started(Brokers)
