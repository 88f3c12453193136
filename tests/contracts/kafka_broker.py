"""A real Apache Kafka for tests: the one that KAFKA_BOOTSTRAP_SERVERS names, else a development broker of our own.

A process of the tests starts one when a test first asks, by deploy/manifests/kafka/run.sh. Where that cannot be, tests
are skipped with the reason, or fail where CORRIDOR_REQUIRE names `kafka`.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from tests.conftest import ROOT, skip_or_fail

if TYPE_CHECKING:
    from deploy.log.kafka_cluster import Cluster

RUN = ROOT / "deploy" / "manifests" / "kafka" / "run.sh"
FETCH_TIMEOUT_S = 200.0
START_TIMEOUT_S = 150.0


class Brokers(Protocol):
    """One or several, that are started together."""

    def start(self) -> None: ...

    def discard(self) -> None: ...


Started = TypeVar("Started", bound=Brokers)


class Broker:
    """A development broker in a folder and on a port of its own, that may be killed and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="corridor-kafka-"))
        self.port = _free_port_pair()
        self.servers = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        return [str(RUN)]

    @property
    def environment(self) -> dict[str, str]:
        own = {"CORRIDOR_KAFKA_DIR": str(self.folder), "CORRIDOR_KAFKA_PORT": str(self.port)}
        return {**os.environ, **own}

    def way_in(self) -> "Cluster":
        """The cluster as one sees it who may see everything."""
        from deploy.log.kafka_cluster import Cluster

        return Cluster(self.servers)

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with its last words where it does not."""
        self.launch()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(self.way_in()):
            self.check_alive()
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.1)

    def launch(self) -> None:
        """Start it, without waiting."""
        with self._words.open("ab") as log:
            self._process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)

    def check_alive(self) -> None:
        """Raise RuntimeError with its last words where it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the broker did not start: {self._words.read_text(errors='replace')[-500:]}")

    @property
    def _words(self) -> Path:
        return self.folder / "broker.log"

    def kill(self) -> None:
        """As a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def discard(self) -> None:
        """Kill it and forget its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def why_none() -> str:
    """Why no broker can be started here; empty where one can."""
    if shutil.which("java") is None:
        return "there is no java to run a Kafka broker"
    try:
        with (RUN.parent / "pom.xml").open() as held:  # another process of the tests may be fetching them
            fcntl.flock(held, fcntl.LOCK_EX)
            fetched = subprocess.run([RUN, "fetch"], capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"Kafka's jars could not be fetched within {FETCH_TIMEOUT_S:.0f} s"
    if fetched.returncode != 0:
        return f"Kafka's jars could not be fetched: {(fetched.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    return ""


def new_broker() -> Broker:
    """A running broker of one's own, to be killed at will; skips or fails where none can be had."""
    return started(Broker)


def started(make: Callable[[], Started]) -> Started:
    """Brokers that run, and are discarded with this process; skips or fails where none can be had."""
    if reason := why_none():
        skip_or_fail("kafka", reason)
    brokers = make()
    atexit.register(brokers.discard)
    brokers.start()
    return brokers


@cache
def _shared_broker() -> Broker:
    return new_broker()


def servers() -> str:
    """The address of the broker that all tests share, HOST:PORT; skips or fails where none can be had."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or _shared_broker().servers


def _answers(cluster: "Cluster") -> bool:
    """Whether it answers, and has put itself down as a broker: then it takes topics."""
    from kafka.errors import KafkaError

    try:
        cluster.reach(0.0)
        with cluster.admin() as admin:
            return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False


def free_ports(number: int) -> list[int]:
    """Free ports, as many as are asked for."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _free_port_pair() -> int:
    """A free port whose successor is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
