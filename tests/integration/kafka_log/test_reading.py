"""Places in a topic where nothing can be read: taken by its retention, and beyond its end."""

import logging

import pytest
from kafka import KafkaAdminClient, TopicPartition

from deploy.log.topics import OBSERVATIONS
from ingest.errors import LogError
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.records import Opener, numbers, record

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_what_retention_took_is_told_and_skipped(
    open_log: Opener, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    for number in range(1, 6):
        writer.commit([record(number)])
    offsets = [stored.offset for stored in log.read(OBSERVATIONS, 0, 10)]
    admin = KafkaAdminClient(bootstrap_servers=servers())
    admin.delete_records({TopicPartition(f"{prefix}{OBSERVATIONS}", 0): offsets[3] - 1})
    admin.close()
    with caplog.at_level(logging.WARNING):
        assert [stored.offset for stored in log.read(OBSERVATIONS, offsets[0], 10)] == offsets[3:]
    assert "removed by its retention" in caplog.text
    assert numbers(log) == [4, 5]


def test_a_place_beyond_the_end_is_refused(open_log: Opener) -> None:
    log = open_log()
    log.claim("zone/main").commit([record(1)])
    with pytest.raises(LogError, match="beyond its end"):
        log.read(OBSERVATIONS, 10_000, 10)
    assert numbers(log) == [1]
