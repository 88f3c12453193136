"""A reader of version 1 of the messages, as it was released: it knows no clock quality but its own.

Only of observations, which alone have changed since.
"""

from enum import StrEnum
from typing import Any

import msgspec


class ClockQualityV1(StrEnum):
    RTCP = "rtcp"
    ARRIVAL = "arrival"
    FILE = "file"
    SYNTHETIC = "synthetic"


class ObservationV1(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="observation"):
    id: str
    camera: str
    epoch: tuple[int, int]
    track: int
    sequence: int
    state: str
    at_ns: int
    first_ns: int
    last_ns: int
    clock: ClockQualityV1
    frame_size: tuple[int, int]
    path: list[Any]
    label: str
    score: float
    encoder: str
    vector: bytes
    quality: float
    crops: int
    colour: str | None = None
    colour_score: float | None = None


def decode_v1(record: bytes) -> ObservationV1:
    """As version 1 did: raises ValueError for what it cannot use, which association makes a dead letter of."""
    try:
        return msgspec.msgpack.decode(record, type=ObservationV1)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not an observation: {error}") from error
