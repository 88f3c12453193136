"""The records of the topic `cameras`: what somebody wants of a camera, from then on."""

from enum import StrEnum

import msgspec

from embed.observation import LONGEST_BY
from ingest.camera import Camera, CameraId


class Wanted(StrEnum):
    """The states that can be wanted of a camera."""

    WATCHED = "watched"
    PAUSED = "paused"  # not watched for now; its settings are kept
    REMOVED = "removed"


class CameraRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for a camera, from now on.

    camera: its id.
    wanted: `watched`, `paused` or `removed`.
    settings: its settings, without any password; null where they stand in the configuration.
    slot: the slot that its worker has, on Kafka; null where there are no slots.
    at_ns: when it was said, Unix nanoseconds of the machine on which it was said.
    by: who said it, free text of at most 64 characters.
    """

    camera: CameraId
    wanted: Wanted
    settings: Camera | None = None
    slot: int | None = None
    at_ns: int
    by: str = ""


def encode(record: CameraRecord) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(record)


def decode(value: bytes) -> CameraRecord:
    """The record of some bytes; raises ValueError where it is none."""
    try:
        record = msgspec.json.decode(value, type=CameraRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a camera's record: {error}") from error
    if len(record.by) > LONGEST_BY:
        raise ValueError(f"not a camera's record: 'by' has {len(record.by)} characters")
    return record
