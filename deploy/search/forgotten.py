"""The records of the topic `forgotten`: tracklets of vehicles that are to be found no more, in any index of the log."""

import msgspec

from deploy.log.base import Log, Record
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import FORGOTTEN


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Tracklets that every index of this log deletes, and never takes in again.

    identity: the vehicle that was asked to be forgotten.
    tracklets: its tracklets, `camera|epoch|track`.
    at_ns: when it was asked, Unix nanoseconds.
    by: who asked, free text of at most 64 characters.
    """

    identity: str
    tracklets: list[str]
    at_ns: int
    by: str = ""


def encode(forgotten: Forgotten) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(forgotten)


def decode(record: bytes) -> Forgotten:
    """The tombstone of a record; raises ValueError where it is none."""
    try:
        return msgspec.json.decode(record, type=Forgotten)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a tombstone: {error}") from error


def publish(log: Log, zone: str, forgotten: Forgotten) -> None:
    """Append a tombstone."""
    writer = log.claim(f"forgotten/{zone}")
    writer.commit([Record(FORGOTTEN, forgotten.identity, encode(forgotten))])
    writer.close()


def forgotten_tracklets(log: Log, undecoded: Undecoded) -> set[str]:
    """All tracklets that were asked to be forgotten."""
    return {tracklet for each in decoded(log, FORGOTTEN, decode, undecoded) for tracklet in each.tracklets}
