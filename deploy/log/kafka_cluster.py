"""The Kafka cluster as one site sees it: clients of it, waiting for it, and its errors as ours."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from deploy.log.address import parse_kafka_url
from deploy.log.brokers.access import (
    OPEN,
    REQUEST_TIMEOUT_S,
    Access,
    appending_arguments,
    client_arguments,
    consumer_arguments,
    producer_arguments,
)
from deploy.log.brokers.greeting import GreetingError, greet
from deploy.log.settings import LogSettings
from deploy.log.topics import LAYOUTS
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError, LogError

T = TypeVar("T")

MAX_RECORD_BYTES = 1_000_000
"""Largest record for a broker with default settings, with room for what Kafka adds to it."""

PAUSE_S = 0.1
LASTING_PAUSE_S = 1.0
"""Pauses between greetings: nobody is asked ten times a second about a password that is wrong."""

_ACLS = {
    TopicAuthorizationFailedError: "an ACL (Read to read, Write to write) on the topic",
    GroupAuthorizationFailedError: "the ACL Read on the group",
    TransactionalIdAuthorizationFailedError: "the ACL Write on the transactional id",
    ClusterAuthorizationFailedError: "an ACL on the cluster",
}

_NAMES = tuple(layout.name for layout in LAYOUTS)

# Every retry of the client is bounded, and every failure is reported in our words; its own warnings say it twice.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class UnreachableError(KafkaConnectionError):  # type: ignore[misc]  # the client ships no types
    """No broker could be greeted; `lasting` where waiting does not help."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster as one site of it sees it; `prefix` stands before every topic and transactional id."""

    servers: str
    prefix: str = ""
    access: Access = OPEN
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
        with _readable_files():
            return KafkaProducer(**producer_arguments(self.servers, self.access, f"{self.prefix}{owner}"))

    def appending_producer(self) -> Any:
        """A producer without transactions, for all cameras of a process: no reader ever waits for it."""
        with _readable_files():
            return KafkaProducer(**appending_arguments(self.servers, self.access))

    def consumer(self, *, committed: bool = True, group: str | None = None) -> Any:
        """A consumer of committed records, or of all; partitions are assigned to it, also in a group."""
        with _readable_files():
            return KafkaConsumer(**consumer_arguments(self.servers, self.access, committed=committed), group_id=group)

    @contextmanager
    def admin(self) -> Iterator[Any]:
        with _readable_files():
            admin = KafkaAdminClient(**client_arguments(self.servers, self.access))
        try:
            yield admin
        finally:
            admin.close()

    def reach(self, timeout_s: float, *, patient: bool = True) -> None:
        """Wait until one of the servers takes us in; raises UnreachableError with the reason.

        Without `patient` a reason that waiting does not mend, such as a wrong password, is raised at once.
        """
        deadline = self.clock.monotonic_s() + timeout_s
        while (failure := self._greet_any()) is not None:
            over = self.clock.monotonic_s() >= deadline
            if over or (failure.lasting and not patient):
                raise failure
            self.clock.sleep(LASTING_PAUSE_S if failure.lasting else PAUSE_S)

    def _greet_any(self) -> UnreachableError | None:
        """None where one of the servers takes us in; else the reason that says most."""
        failures = []
        for server in self.servers.split(","):
            try:
                with _readable_files():
                    greet(server, self.access)
                return None
            except GreetingError as error:
                failures.append(UnreachableError(f"{server}: {error}", lasting=error.lasting))
            except KafkaConnectionError as error:  # files
                return UnreachableError(str(error.args[0]), lasting=True)
        return max(failures, key=lambda each: each.lasting)


def cluster_of(settings: LogSettings) -> Cluster:
    """The cluster of a configuration; raises ConfigError for files and secrets that cannot be read."""
    access = Access(settings.tls, settings.sasl)
    access.arguments()
    return Cluster(parse_kafka_url(settings.url), settings.prefix, access)


@contextmanager
def _readable_files() -> Iterator[None]:
    """Certificates and passwords that cannot be read are a fault of the connection: they are renewed while we run."""
    try:
        yield
    except ConfigError as error:
        raise KafkaConnectionError(str(error)) from error


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
            f"cannot {what} on Kafka at {cluster.servers}: {short_reason(error)} ({advice(cluster, error)})"
        ) from error


def short_reason(error: BaseException) -> str:
    """One short line about an error of the client; a right that is missing is named as the ACL that grants it."""
    words = " ".join(str(error.args[0]).split())[:160] if error.args else ""
    if isinstance(error, UnreachableError):
        return words
    if isinstance(error, AuthorizationError):
        needed = next((acl for kind, acl in _ACLS.items() if isinstance(error, kind)), "an ACL")
        return f"not permitted, {needed} is missing{f' ({words})' if words else ''}"
    name = type(error).__name__.removesuffix("Error")
    return f"{name}: {words}" if words else name


def advice(cluster: Cluster, error: BaseException) -> str:
    """Advice about an error of the client, for the end of its message."""
    if isinstance(error, AuthorizationError):
        return f"give {cluster.access.user} the ACLs of its role, docs/operating/kafka.md"
    return "is the broker up?"
