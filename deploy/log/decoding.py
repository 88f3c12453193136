"""Records of a log as values, and the count of those that cannot be decoded, by reason."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TypeVar

import msgspec

from deploy.log.base import Log, StoredRecord

logger = logging.getLogger(__name__)

BATCH = 1000

Value = TypeVar("Value")


class Reason(StrEnum):
    """Reason for which a record is no value of its topic."""

    EMPTY = "empty"
    DAMAGED = "damaged"
    OTHER_FORM = "of another form"  # a foreign program's, or of a version to come
    IMPOSSIBLE = "with impossible values"


class TopicCounts(msgspec.Struct, frozen=True):
    """The records of one topic that cannot be decoded: how many by reason, and the first of them in words."""

    counts: dict[Reason, int]
    first: str


class Undecoded:
    """Counts of the records that cannot be decoded, by topic and reason; one that is read twice counts once."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Reason]] = defaultdict(Counter)
        self._first: dict[str, str] = {}
        self._read_up_to: dict[str, int] = {}

    def decode(self, topic: str, record: StoredRecord, decode: Callable[[bytes], Value]) -> Value | None:
        """The value of a record; None, and counted, where `decode` raises ValueError."""
        again = record.offset <= self._read_up_to.get(topic, 0)
        if not again:
            self._read_up_to[topic] = record.offset
        try:
            return decode(record.value)
        except ValueError as error:
            if not again:
                self.counts[topic][_reason(record, error)] += 1
                self._first.setdefault(topic, f"the first at offset {record.offset}: {error}")
            return None

    def of(self, topic: str) -> TopicCounts | None:
        """The counts of a topic, to be kept for who goes on reading behind it; None where all could be decoded."""
        return TopicCounts(dict(self.counts[topic]), self._first[topic]) if topic in self.counts else None

    def go_on(self, topic: str, known: TopicCounts) -> None:
        """Add what had been counted in an earlier reading, which has ended where this one begins."""
        self.counts[topic].update(known.counts)
        self._first[topic] = known.first

    @property
    def total(self) -> int:
        """Records that cannot be decoded, of all topics."""
        return sum(count.total() for count in self.counts.values())

    def __str__(self) -> str:
        """Counts in words; empty where everything could be decoded."""
        return "; ".join(
            f"{count.total()} records of the topic {topic} cannot be decoded and are left out: "
            f"{', '.join(f'{number} {reason}' for reason, number in count.items())} ({self._first[topic]})"
            for topic, count in self.counts.items()
        )


def decoded(
    log: Log, topic: str, decode: Callable[[bytes], Value], undecoded: Undecoded | None = None
) -> Iterator[Value]:
    """Every value of a topic, in its order.

    What cannot be decoded is left out and counted in `undecoded`, for the caller to say; without it, a warning at
    the end says it.
    """
    counts, offset = undecoded or Undecoded(), 0
    try:
        while stored := log.read(topic, offset, BATCH):
            offset = stored[-1].offset
            for record in stored:
                value = counts.decode(topic, record, decode)
                if value is not None:
                    yield value
    finally:
        if undecoded is None and counts.total:
            logger.warning("%s", str(counts))


def _reason(record: StoredRecord, error: ValueError) -> Reason:
    if not record.value:
        return Reason.EMPTY
    if isinstance(error.__cause__, msgspec.ValidationError):
        return Reason.OTHER_FORM
    return Reason.IMPOSSIBLE if error.__cause__ is None else Reason.DAMAGED
