"""Lag where operators look for it: the position of a zone as the offset of a consumer group."""

from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from deploy.log import kafka_group
from deploy.log.topics import OBSERVATIONS
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.records import Opener, record
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


class Tools:
    """What kafka-consumer-groups.sh asks and does."""

    def __init__(self, prefix: str) -> None:
        self.group = f"{prefix}corridor-zone-main"
        self._partition = TopicPartition(f"{prefix}{OBSERVATIONS}", 0)
        self._admin: Any = KafkaAdminClient(bootstrap_servers=servers())

    def offset(self) -> int | None:
        found = self._admin.list_group_offsets({self.group: None})[self.group].get(self._partition)
        return found.offset if found is not None else None

    def reset(self, offset: int) -> None:
        self._admin.alter_group_offsets(self.group, {self._partition: OffsetAndMetadata(offset, "", -1)})

    def close(self) -> None:
        self._admin.close()


def test_the_position_is_shown_and_a_reset_is_warned_of_and_ignored(
    open_log: Opener, prefix: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_group, "EVERY_S", 0.0)
    tools = Tools(prefix)
    log = open_log()
    writer = log.claim("zone/main")
    writer.commit([record(number) for number in range(5)])
    third = log.read(OBSERVATIONS, 0, 10)[2]
    writer.commit([], position=third.offset)
    # The port's offsets are Kafka's plus one: what was read is the next one that is to be read.
    wait_until(lambda: tools.offset() == third.offset == 3)
    writer.close()
    tools.reset(1)
    again = open_log().claim("zone/main")
    assert again.position == third.offset
    again.commit([], position=third.offset + 1)
    assert "`corridor associate --from 1` begins there" in caplog.text
    wait_until(lambda: tools.offset() == third.offset + 1)
    caplog.clear()
    again.close()
    open_log().claim("zone/main").commit([], position=third.offset + 2)
    assert caplog.text == ""
    tools.close()


def test_the_last_position_is_shown_at_the_end(open_log: Opener, prefix: str) -> None:
    tools = Tools(prefix)
    writer = open_log().claim("zone/main")
    for number in range(1, 20):
        writer.commit([record(number)], position=number)
    writer.close()
    assert tools.offset() == 19
    tools.close()


def test_a_group_that_cannot_be_used_costs_nothing_but_the_lag(
    open_log: Opener, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka import KafkaConsumer
    from kafka.errors import GroupAuthorizationFailedError

    def refuse(*_: object, **__: object) -> None:
        raise GroupAuthorizationFailedError("not yours")

    monkeypatch.setattr(kafka_group, "EVERY_S", 0.0)
    for method in ("committed", "commit_async", "commit"):
        monkeypatch.setattr(KafkaConsumer, method, refuse)
    writer = open_log().claim("zone/main")
    for number in range(1, 4):
        writer.commit([record(number)], position=number)
    writer.close()
    assert writer.position == 3
    assert caplog.text.count("cannot be kept up to date") == 1
