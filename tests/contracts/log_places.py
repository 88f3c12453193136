"""Places for an empty log of each kind, as tests open and break it."""

import sqlite3
import uuid
from pathlib import Path
from typing import Protocol

import pytest

from deploy.log import sqlite_log
from deploy.log.base import Log
from deploy.log.sqlite_log import SqliteLog


class Place(Protocol):
    """One empty log of a kind; what is opened here is closed at the end of the test."""

    compacts_at_once: bool
    address: str

    def open(self) -> Log:
        """A handle of its own, as another process would have."""
        ...

    def break_commits(self, patch: pytest.MonkeyPatch) -> None:
        """Make every commit fail when its records are written and nothing is committed yet."""
        ...

    def close(self) -> None: ...


class SqlitePlace:
    compacts_at_once = True

    def __init__(self, folder: Path) -> None:
        self.address = f"{folder / 'log.db'}"
        self._logs: list[Log] = []

    def open(self) -> Log:
        self._logs.append(open_address("sqlite", self.address))
        return self._logs[-1]

    def break_commits(self, patch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(sqlite_log, "_change_state", full)

    def close(self) -> None:
        for log in self._logs:
            log.close()


class KafkaPlace:
    compacts_at_once = False

    def __init__(self) -> None:
        from deploy.log.brokers.topics import create_topics
        from deploy.log.kafka_cluster import Cluster
        from tests.contracts.kafka_broker import servers

        self.prefix = f"t{uuid.uuid4().hex[:8]}."
        self.address = f"{servers()} {self.prefix}"
        self._logs: list[Log] = []
        create_topics(Cluster(servers(), self.prefix))

    def open(self) -> Log:
        self._logs.append(open_address("kafka", self.address))
        return self._logs[-1]

    def break_commits(self, patch: pytest.MonkeyPatch) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaTimeoutError

        def lost(_: object) -> None:
            raise KafkaTimeoutError("injected")

        patch.setattr(KafkaProducer, "commit_transaction", lost)

    def close(self) -> None:
        for log in self._logs:
            log.close()


def open_address(kind: str, address: str) -> Log:
    if kind == "sqlite":
        return SqliteLog(Path(address))
    from deploy.log.kafka_cluster import Cluster
    from deploy.log.kafka_log import KafkaLog

    servers, prefix = address.split()
    return KafkaLog(Cluster(servers, prefix), commit_timeout_s=3.0)
