"""The records of the topic `observations`, read back from a log."""

import logging
from collections.abc import Iterator

from deploy.log.base import Log, StoredRecord
from deploy.log.topics import OBSERVATIONS
from embed.observation import Message, decode

logger = logging.getLogger(__name__)

PAGE = 1000


def read_messages(log: Log) -> Iterator[Message]:
    """Every message of a log's cameras, in its order, without controls. Warns of what cannot be decoded."""
    offset = undecodable = 0
    while stored := log.read(OBSERVATIONS, offset, PAGE):
        offset = stored[-1].offset
        for record in stored:
            try:
                message = decode(record.value)
            except ValueError:
                undecodable += 1
                continue
            if isinstance(message, Message):
                yield message
    if undecodable:
        logger.warning(
            "left out %d messages of the log that cannot be decoded (association sets them aside)", undecodable
        )


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
