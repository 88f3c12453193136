"""Observations and ticks, read back from a log."""

from collections.abc import Iterator

from deploy.log.base import Log
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import OBSERVATIONS
from embed.observation import Message, Observation, decode


def read_messages(log: Log, undecoded: Undecoded | None = None) -> Iterator[Message]:
    """Every message of a log, in its order; `undecoded` as for `decoded`."""
    return decoded(log, OBSERVATIONS, decode, undecoded)


def read_observations(log: Log, undecoded: Undecoded | None = None) -> Iterator[Observation]:
    """Every observation of a log, in its order; `undecoded` as for `decoded`."""
    return (message for message in read_messages(log, undecoded) if isinstance(message, Observation))
