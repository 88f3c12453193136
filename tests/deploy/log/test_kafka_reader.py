"""A partition's records as consumers of other programs have stumbled over them, without a broker."""

from types import SimpleNamespace
from typing import Any

import pytest

from associate.trajectory import decode, encode
from deploy.log.decoding import Reason, Undecoded, decoded
from deploy.log.kafka_reader import PartitionReader
from deploy.log.topics import TRAJECTORIES
from ingest.clock import SystemClock
from tests.associate.samples import event

EVENT = encode(event())


class _Consumer:
    """A consumer of one partition that is there: (key, value) of its records."""

    def __init__(self, records: list[tuple[bytes | None, bytes | None]]) -> None:
        self._records, self._at = records, 0

    def assign(self, partitions: list[Any]) -> None:
        (self._partition,) = partitions

    def seek(self, _: Any, offset: int) -> None:
        self._at = offset

    def position(self, _: Any) -> int:
        return self._at

    def end_offsets(self, partitions: list[Any], **_: Any) -> dict[Any, int]:
        return dict.fromkeys(partitions, len(self._records))

    def beginning_offsets(self, partitions: list[Any], **_: Any) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    def poll(self, _: int, *, max_records: int) -> dict[Any, list[Any]]:
        begin, self._at = self._at, min(self._at + max_records, len(self._records))
        found = [
            SimpleNamespace(offset=offset, key=key, value=value, timestamp=0)
            for offset, (key, value) in enumerate(self._records[begin : self._at], start=begin)
        ]
        return {self._partition: found}


class _Log:
    """The part of a log that readers ask for."""

    def __init__(self, records: list[tuple[bytes | None, bytes | None]]) -> None:
        cluster: Any = SimpleNamespace(
            topic=str,
            clock=SystemClock(),
            reach=lambda timeout_s: None,
            consumer=lambda: _Consumer(records),
            servers="here",
        )
        self._reader = PartitionReader(cluster, TRAJECTORIES)

    def read(self, topic: str, after: int, limit: int) -> Any:
        return self._reader.read(after, limit, written=0)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ((b"z-1", None), Reason.EMPTY),  # a tombstone (confluent-kafka-python 189, laravel-kafka 337)
        ((None, b""), Reason.EMPTY),
        ((b"\xff\xfe", EVENT[:-1]), Reason.DAMAGED),
        ((b"z-1", b"\x00\x00\x00\x00\x07" + EVENT), Reason.DAMAGED),  # framed by a schema registry
        ((None, b"null"), Reason.OTHER_FORM),
        ((None, b'{"before":null,"after":{}}'), Reason.OTHER_FORM),
    ],
)
def test_what_is_no_event_is_counted_and_the_rest_is_read(
    record: tuple[bytes | None, bytes | None], reason: Reason
) -> None:
    log: Any = _Log([(b"z-1", EVENT), record, (None, EVENT), (b"\xff", EVENT)])
    undecoded = Undecoded()
    assert list(decoded(log, TRAJECTORIES, decode, undecoded)) == [event()] * 3
    assert undecoded.counts == {TRAJECTORIES: {reason: 1}}
