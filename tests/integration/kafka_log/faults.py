"""Faults as scripts: what the client's producer does wrong once, by name."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from deploy.log import kafka_writer


class Faults:
    """Replaces methods of the client's transactional producers for the first call of each that is made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.commits = 0

    def once(self, method: str, fault: Callable[..., object]) -> None:
        real, armed = getattr(KafkaProducer, method), [True]

        def call(producer: KafkaProducer, *args: object, **kwargs: object) -> object:
            if producer.config["transactional_id"] and armed and armed.pop():
                return fault(lambda: real(producer, *args, **kwargs))
            return real(producer, *args, **kwargs)

        self._patch.setattr(KafkaProducer, method, call)


def record_given_up(faults: Faults) -> None:
    """As when delivery_timeout_ms is over: the client's own commit would succeed without the record."""

    faults.once("send", lambda send: failed_future())


def failed_future() -> Any:
    """The future of a record that was given up."""
    from kafka.producer.future import FutureProduceResult, FutureRecordMetadata

    future = FutureRecordMetadata(FutureProduceResult(TopicPartition("lost", 0)), -1, None, None, -1, -1, -1)
    return future.failure(KafkaTimeoutError("given up"))


def record_refused(faults: Faults) -> None:
    faults.once("send", lambda send: raise_timeout())


def flush_not_back(faults: Faults) -> None:
    faults.once("flush", lambda flush: raise_timeout())


def commit_not_sent(faults: Faults) -> None:
    faults.once("commit_transaction", lambda commit: raise_timeout())


def commit_done_but_unanswered(faults: Faults) -> None:
    faults.once("commit_transaction", lambda commit: (commit(), raise_timeout()))


def commit_hangs(faults: Faults) -> None:
    faults._patch.setattr(kafka_writer, "COMMIT_TIMEOUT_S", 0.3)
    faults.once("commit_transaction", lambda commit: threading.Event().wait(20))


def raise_timeout() -> object:
    raise KafkaTimeoutError("injected")
