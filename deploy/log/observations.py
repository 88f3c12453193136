"""The records of the topic `observations`, read back from a log."""

from collections.abc import Iterator

from deploy.log.base import Log, StoredRecord
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import OBSERVATIONS
from embed.observation import Message, Observation, decode

PAGE = 1000


def read_messages(log: Log, undecoded: Undecoded | None = None) -> Iterator[Message]:
    """Every message of a log's cameras, in its order, without controls; `undecoded` as for `decoded`."""
    return (record for record in decoded(log, OBSERVATIONS, decode, undecoded) if isinstance(record, Message))


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
