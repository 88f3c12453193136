"""What is refused: records and topics that cannot be, and what is no broker."""

import socket
import uuid
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient

from deploy.log.base import Record
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import OBSERVATIONS
from ingest.errors import ConfigError, LogError
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.records import Opener, numbers, record
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_too_large_a_record_is_refused_before_anything_is_written(open_log: Opener) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    with pytest.raises(LogError, match="too large"):
        writer.commit([record(1), Record(OBSERVATIONS, "k", bytes(2_000_000))], position=1)
    writer.commit([record(2)], position=2)
    assert numbers(log) == [2]


def test_topics_are_never_made_by_the_way() -> None:
    with pytest.raises(ConfigError, match=r"lacks the topics .*observations.*`corridor topics create FILE`"):
        KafkaLog(Cluster(servers(), f"missing{uuid.uuid4().hex[:6]}."))


def test_a_topic_that_nobody_knows_is_not_asked_for(open_log: Opener) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    with pytest.raises(LogError, match="no topic 'obsevations'"):
        log.read("obsevations", 0, 1)
    with pytest.raises(LogError, match="no topic 'obsevations'"):
        writer.commit([record(1, "obsevations")])
    writer.commit([record(1)])


@pytest.mark.parametrize("listening", [True, False])
def test_what_is_no_broker_is_told(free_port: socket.socket, listening: bool) -> None:
    if listening:
        free_port.listen()
    with pytest.raises(ConfigError, match=r"no Kafka broker answers at 127\.0\.0\.1:\d+ within 0\.2 s"):
        KafkaLog(Cluster(f"127.0.0.1:{free_port.getsockname()[1]}"), connect_timeout_s=0.2)


def test_partitions_are_checked(prefix: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers())
    admin.create_partitions({f"{prefix}{OBSERVATIONS}": 3})
    admin.close()
    with pytest.raises(ConfigError, match="has 3 partitions and must have 1"):
        wait_until(lambda: KafkaLog(Cluster(servers(), prefix)).close())
    with pytest.raises(ConfigError, match="has 3 partitions and must have 1"):
        create_topics(Cluster(servers(), prefix))


@pytest.fixture
def free_port() -> Iterator[socket.socket]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken
