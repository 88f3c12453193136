"""The records of the topic `observations`, read back from a log."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from deploy.log.base import Log, StoredRecord
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import OBSERVATIONS
from embed.observation import LONGEST_DELAY_NS, CameraEpoch, Message, Observation, Record, Tick, decode, encode

PAGE = 1000


def without_repetitions(records: Iterable[Record]) -> Iterator[Message]:
    """The messages of cameras among a log's records, without those that association drops.

    Those are messages that were said before, and messages of an owner that has been replaced: they may stand on a
    Kafka log. Messages without a count are those of before version 3, which were written once.
    """
    latest: dict[str, tuple[CameraEpoch, int]] = {}
    for message in records:
        if not isinstance(message, Message):
            continue
        epoch, count = latest.get(message.camera, (message.epoch, 0))
        if message.epoch < epoch or (message.epoch == epoch and 0 < (message.count or 0) <= count):
            continue
        latest[message.camera] = message.epoch, message.count or 0
        yield message


class Epochs:
    """The latest epoch of each camera: messages of an earlier one are of an owner that has been replaced."""

    def __init__(self, latest: Mapping[str, CameraEpoch] | None = None) -> None:
        self.latest = dict(latest or {})

    def replaced(self, message: Message) -> bool:
        """True for a message of an owner that has been replaced; any other makes its epoch the latest."""
        latest = self.latest.get(message.camera)
        if latest is not None and message.epoch < latest:
            return True
        self.latest[message.camera] = message.epoch
        return False


def read_messages(log: Log, undecoded: Undecoded | None = None) -> Iterator[Message]:
    """Every message of a log's cameras, once, in its order, without controls; `undecoded` as for `decoded`."""
    return without_repetitions(decoded(log, OBSERVATIONS, decode, undecoded))


def with_delay(value: bytes, waited_ns: int) -> bytes:
    """A record that was held back before it came onto the log: if it is a tick, it says for how long."""
    try:
        message = decode(value)
    except ValueError:
        return value  # the readers count it
    if not isinstance(message, Tick):
        return value
    return encode(msgspec.structs.replace(message, behind_ns=min(waited_ns, LONGEST_DELAY_NS)))


def read_observations(log: Log, undecoded: Undecoded | None = None) -> Iterator[Observation]:
    """Every observation of a log, in its order; `undecoded` as for `decoded`."""
    return (message for message in read_messages(log, undecoded) if isinstance(message, Observation))


def pages_from_the_end(log: Log) -> Iterator[list[StoredRecord]]:
    """The records of a log in pages, the last page first, each in its order."""
    end = log.end(OBSERVATIONS)
    while end > 0:
        begin = max(0, end - PAGE)
        page = [record for record in log.read(OBSERVATIONS, begin, PAGE) if record.offset <= end]
        if not page:  # retention has removed what was before
            return
        yield page
        end = begin
