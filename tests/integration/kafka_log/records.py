"""Records that are numbers, and what a log holds of them."""

from collections.abc import Callable

from deploy.log.base import Record
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import OBSERVATIONS

Opener = Callable[..., KafkaLog]


def record(number: int, topic: str = OBSERVATIONS) -> Record:
    return Record(topic, "k", str(number).encode())


def numbers(log: KafkaLog, topic: str = OBSERVATIONS) -> list[int]:
    return [int(stored.value) for stored in log.read(topic, 0, 100_000)]
