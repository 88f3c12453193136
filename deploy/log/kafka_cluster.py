"""The Kafka cluster: its address, the clients' settings, its errors as ours, and its topics."""

import contextlib
import logging
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidReplicationFactorError, KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from deploy.log.topics import LAYOUTS, Layout
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError, LogError

T = TypeVar("T")

REQUEST_TIMEOUT_S = 5.0
DELIVERY_TIMEOUT_S = 8.0
"""Longest time to the acknowledgement of a record; a flush is over by then."""
TRANSACTION_TIMEOUT_S = 15.0
"""Time after which the broker aborts what a dead writer has left open; until then readers wait for it."""
BLOCK_TIMEOUT_S = 10.0
APPENDING_LINGER_S = 0.005
"""Wait for more records to a request: those that come are handed over together already."""
MAX_RECORD_BYTES = 1_000_000
"""Largest record for a broker with default settings, with room for what Kafka adds to it."""
DAY_MS = 86_400_000

_NAMES = tuple(layout.name for layout in LAYOUTS)
_HOST = re.compile(r"^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$")

# Every retry of the client is bounded here, and every failure is reported in our words; its own warnings say it twice.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


def parse_kafka_url(url: str) -> str:
    """`kafka://HOST:PORT[,HOST:PORT]` to `HOST:PORT[,HOST:PORT]`; raises ConfigError, without repeating a password."""
    scheme, _, rest = url.partition("://")
    if "@" in rest:
        raise ConfigError("log.url has a user or a password in it; use kafka://HOST:PORT[,HOST:PORT]")
    hosts = [host.strip() for host in rest.rstrip("/").split(",")]
    ports = [_HOST.match(host) for host in hosts]
    if scheme != "kafka" or not all(port and 0 < int(port[1]) < 65536 for port in ports):
        raise ConfigError(f"log.url '{url}' is not a Kafka address; use kafka://HOST:PORT[,HOST:PORT]")
    return ",".join(hosts)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster as one user of it sees it; `prefix` stands before every topic and transactional id."""

    servers: str
    prefix: str = ""
    clock: Clock = field(default_factory=SystemClock)

    def topic(self, name: str) -> str:
        """A topic's name on the cluster; raises LogError for one that is not in topics.py.

        Asking Kafka for a topic can make it: kafka-python 3.0.12 does not heed allow_auto_create_topics.
        """
        if name not in _NAMES:
            raise LogError(f"there is no topic '{name}' (known: {', '.join(_NAMES)})")
        return f"{self.prefix}{name}"

    def producer(self, owner: str) -> Any:
        """A transactional producer whose transactions nobody else can have under this owner's name."""
        return KafkaProducer(
            **self._common,
            transactional_id=f"{self.prefix}{owner}",
            transaction_timeout_ms=_ms(TRANSACTION_TIMEOUT_S),
            delivery_timeout_ms=_ms(DELIVERY_TIMEOUT_S),
            max_block_ms=_ms(BLOCK_TIMEOUT_S),
            max_in_flight_requests_per_connection=1,
            batch_size=256 * 1024,
            compression_type="lz4",
            allow_auto_create_topics=False,
            metrics_enabled=False,
            # The next transaction waits for the last one's markers in steps of this: it decides the latency.
            retry_backoff_ms=5,
        )

    def appending_producer(self) -> Any:
        """An idempotent producer without transactions, for all cameras of a process: no reader ever waits for it.

        A batch that was sent and exceeds the delivery timeout wedges the client for good, so the timeout is longer than
        any outage; whoever uses it gives it up for a new one instead (`abandon`).
        """
        return KafkaProducer(
            **self._common,
            acks="all",
            delivery_timeout_ms=2**31 - 1,
            max_block_ms=_ms(BLOCK_TIMEOUT_S),
            max_in_flight_requests_per_connection=5,
            linger_ms=_ms(APPENDING_LINGER_S),
            batch_size=256 * 1024,
            compression_type="lz4",
            allow_auto_create_topics=False,
            metrics_enabled=False,
            retry_backoff_ms=20,
        )

    def consumer(self, *, committed: bool = True, group: str | None = None) -> Any:
        """A consumer of committed records, or of all; partitions are assigned to it, also in a group."""
        return KafkaConsumer(
            **self._common,
            group_id=group,
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            metrics_enabled=False,
            # Nobody waits for records on the broker, where the next question would queue behind.
            fetch_max_wait_ms=1,
            retry_backoff_ms=20,
        )

    @contextmanager
    def admin(self) -> Iterator[Any]:
        admin = KafkaAdminClient(**self._common)
        try:
            yield admin
        finally:
            admin.close()

    @property
    def _common(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.servers,
            "client_id": "corridor",
            "request_timeout_ms": _ms(REQUEST_TIMEOUT_S),
            "bootstrap_timeout_ms": _ms(REQUEST_TIMEOUT_S),
            "reconnect_backoff_ms": 50,
            "reconnect_backoff_max_ms": 1000,
        }

    def answers(self, timeout_s: float) -> bool:
        """Wait until one of the servers answers as a Kafka broker does.

        A client that is made before that waits for half a minute, or fails and leaves its thread behind.
        """
        deadline = self.clock.monotonic_s() + timeout_s
        while not any(_answers(server) for server in self.servers.split(",")):
            if self.clock.monotonic_s() >= deadline:
                return False
            self.clock.sleep(0.1)
        return True

    def require(self, timeout_s: float) -> None:
        """Raise ConfigError unless the cluster answers and has the topics as they must be."""
        if not self.answers(timeout_s):
            raise ConfigError(
                f"no Kafka broker answers at {self.servers} within {timeout_s:g} s "
                "(is it running? `make kafka` starts one for development; or mend log.url)"
            )
        try:
            with self.admin() as admin:
                found = _describe(admin, self.prefix)
        except KafkaError as error:
            raise ConfigError(f"cannot use Kafka at {self.servers}: {short_reason(error)}") from error
        create = f"corridor topics create kafka://{self.servers}"
        missing = [self.topic(layout.name) for layout in LAYOUTS if layout.name not in found]
        if missing:
            raise ConfigError(
                f"Kafka at {self.servers} lacks the topics {', '.join(missing)}; make them with `{create}`"
            )
        _require_partitions(found, self)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is on the cluster; `partitions` is 0 where it is missing, `problem` empty where it is right."""

    name: str
    partitions: int
    copies: int
    settings: dict[str, str]
    problem: str


def describe_topics(servers: str, *, prefix: str = "", connect_timeout_s: float = 10.0) -> list[TopicState]:
    """All topics that Corridor uses, and what the cluster has of them; raises ConfigError or LogError."""
    cluster = _reached(servers, prefix, connect_timeout_s)
    with translated_errors(cluster, "list the topics"), cluster.admin() as admin:
        found = _describe(admin, prefix)
        names = [cluster.topic(layout.name) for layout in LAYOUTS if layout.name in found]
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        described = admin.describe_configs(asked).get("topic", {}) if asked else {}
    states = []
    for layout in LAYOUTS:
        name, (partitions, copies) = cluster.topic(layout.name), found.get(layout.name, (0, 0))
        settings = {key: str(entry["value"]) for key, entry in described.get(name, {}).items()}
        states.append(TopicState(name, partitions, copies, settings, _problem(layout, partitions, copies, settings)))
    return states


def _problem(layout: Layout, partitions: int, copies: int, settings: dict[str, str]) -> str:
    if not partitions:
        return "missing"
    if partitions != layout.partitions:
        return f"must have {layout.partitions} partitions"
    policy = settings_of(layout, copies)["cleanup.policy"]
    if set(settings.get("cleanup.policy", "delete").split(",")) != set(policy.split(",")):
        return f"cleanup.policy must be {policy}"
    return ""


def create_topics(
    servers: str, *, replication: int = 1, prefix: str = "", connect_timeout_s: float = 10.0
) -> list[str]:
    """Make the topics that are missing and return their names; raises ConfigError or LogError."""
    cluster = _reached(servers, prefix, connect_timeout_s)
    with translated_errors(cluster, "create the topics"), cluster.admin() as admin:
        _require_partitions(found := _describe(admin, prefix), cluster)
        wanted = {
            cluster.topic(layout.name): {
                "num_partitions": layout.partitions,
                "replication_factor": replication,
                "configs": settings_of(layout, replication),
            }
            for layout in LAYOUTS
            if layout.name not in found
        }
        if not wanted:
            return []
        try:
            admin.create_topics(wanted, timeout_ms=30_000)
        except InvalidReplicationFactorError as error:
            brokers = len(admin.describe_cluster()["brokers"])
            raise ConfigError(
                f"--replication {replication} needs as many brokers; Kafka at {servers} has {brokers}"
            ) from error
        except TopicAlreadyExistsError:
            pass  # somebody else is making them
        admin.wait_for_topics(list(wanted), timeout_ms=30_000)
    return list(wanted)


def settings_of(layout: Layout, replication: int) -> dict[str, str]:
    """A topic's settings on Kafka."""
    policies = ["compact"] if layout.compacted else []
    settings = {"min.insync.replicas": str(min(2, replication)), "retention.ms": "-1"}
    settings["message.timestamp.type"] = "CreateTime"  # a copy keeps the append times of what it was copied from
    if layout.retention_days is not None:
        policies.append("delete")
        settings["retention.ms"] = str(layout.retention_days * DAY_MS)
    if layout.compacted:
        # The segment that is written to is never compacted: a short one keeps a restore short.
        settings |= {
            "segment.bytes": str(8 * 1024 * 1024),
            "segment.ms": str(10 * 60 * 1000),
            "min.cleanable.dirty.ratio": "0.2",
            "max.compaction.lag.ms": str(60 * 60 * 1000),
        }
    return settings | {"cleanup.policy": ",".join(policies) or "delete"}


def call_with_timeout(timeout_s: float, work: Callable[[], T]) -> T:
    """Call `work` and return its result; raises KafkaTimeoutError where it is not back in time.

    For calls of the client that have no timeout of their own. What does not come back stays behind in its thread
    until the process ends; its producer is closed and never used again.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:  # raised again in the thread that waits
            failures.append(failure)

    thread = threading.Thread(target=run, name="kafka-call", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failures:
        raise failures[0]
    if thread.is_alive():
        raise KafkaTimeoutError(f"no answer within {timeout_s:g} s")
    return results[0]


def abandon(producer: Any) -> None:
    """Give a producer up with all that it holds, without waiting for it.

    `close` alone waits for what is unanswered, and where that does not come, closes nothing.
    """
    sender = producer._sender
    sender.force_close()

    def close() -> None:
        sender.join(REQUEST_TIMEOUT_S)
        with contextlib.suppress(Exception):  # it is given up: there is nobody to tell
            producer.close(timeout=0)

    threading.Thread(target=close, name="kafka-close", daemon=True).start()


@contextmanager
def translated_errors(cluster: Cluster, what: str) -> Iterator[None]:
    """Raise Kafka's errors as LogError."""
    try:
        yield
    except KafkaError as error:
        raise LogError(
            f"cannot {what} on Kafka at {cluster.servers}: {short_reason(error)} (is the broker up?)"
        ) from error


def short_reason(error: BaseException) -> str:
    """One short line about an error of the client."""
    name = type(error).__name__.removesuffix("Error")
    words = " ".join(str(error.args[0]).split()) if error.args else ""
    return f"{name}: {words[:160]}" if words else name


def _answers(server: str) -> bool:
    """True where a server answers the request that every client sends first, for its versions (ApiVersions 0)."""
    host, _, port = server.rpartition(":")
    question = struct.pack(">hhih", 18, 0, 0, -1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(question)) + question)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    # Its length, the number of the question, and no error.
    return len(answer) == 10 and answer[4:] == bytes(6)


def _reached(servers: str, prefix: str, timeout_s: float) -> Cluster:
    cluster = Cluster(servers, prefix)
    if not cluster.answers(timeout_s):
        raise ConfigError(f"no Kafka broker answers at {servers} within {timeout_s:g} s (is it running?)")
    return cluster


def _describe(admin: Any, prefix: str) -> dict[str, tuple[int, int]]:
    """Partitions and replicas of those of our topics that there are."""
    names = {f"{prefix}{layout.name}": layout.name for layout in LAYOUTS}
    found = {}
    for topic in admin.describe_topics(list(names)):
        if topic["error_code"] == 0:
            replicas = min((len(part["replica_nodes"]) for part in topic["partitions"]), default=0)
            found[names[topic["name"]]] = (len(topic["partitions"]), replicas)
        elif topic["error_code"] != 3:  # UNKNOWN_TOPIC_OR_PARTITION
            raise for_code(topic["error_code"])(topic["name"])
    return found


def _require_partitions(found: dict[str, tuple[int, int]], cluster: Cluster) -> None:
    for layout in LAYOUTS:
        partitions, _ = found.get(layout.name, (layout.partitions, 0))
        if partitions != layout.partitions:
            raise ConfigError(
                f"the topic {cluster.topic(layout.name)} on Kafka at {cluster.servers} has {partitions} partitions and "
                f"must have {layout.partitions}; it was not made by `corridor topics create`"
            )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
