"""Topics of a test's own on the shared broker, and logs on them."""

import gc
import uuid
import warnings
from collections.abc import Iterator

import pytest

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.records import Opener


@pytest.fixture
def prefix() -> str:
    created = f"t{uuid.uuid4().hex[:8]}."
    create_topics(Cluster(servers(), created))
    return created


@pytest.fixture
def open_log(prefix: str) -> Iterator[Opener]:
    logs: list[KafkaLog] = []

    def open_one(*, commit_timeout_s: float = 45.0) -> KafkaLog:
        logs.append(KafkaLog(Cluster(servers(), prefix), commit_timeout_s=commit_timeout_s))
        return logs[-1]

    yield open_one
    for log in logs:
        log.close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()
