"""Observations and ticks, read back from a log."""

import logging
from collections.abc import Iterator

from deploy.log.base import Log
from deploy.log.topics import OBSERVATIONS
from embed.observation import Message, decode

logger = logging.getLogger(__name__)


def read_messages(log: Log) -> Iterator[Message]:
    """Every message of a log, in its order. What cannot be decoded is left out and warned of."""
    offset = undecodable = 0
    while stored := log.read(OBSERVATIONS, offset, 1000):
        offset = stored[-1].offset
        for record in stored:
            try:
                yield decode(record.value)
            except ValueError:
                undecodable += 1
    if undecodable:
        logger.warning(
            "left out %d messages of the log that cannot be decoded (association sets them aside)", undecodable
        )
