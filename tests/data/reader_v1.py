"""A reader of version 1 of the messages, as it was released: it knows no later clock, no count, no control."""

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


class TickV1(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    camera: str
    epoch: tuple[int, int]
    sequence: int
    at_ns: int
    final: bool = False
    decoded: int = 0
    analysed: int = 0
    dropped: int = 0


class GapV1(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="gap"):
    camera: str
    epoch: tuple[int, int]
    sequence: int
    at_ns: int
    records: int


MessageV1 = ObservationV1 | TickV1 | GapV1

_decoder: msgspec.msgpack.Decoder[MessageV1] = msgspec.msgpack.Decoder(MessageV1)


def decode_v1(record: bytes) -> MessageV1:
    """As version 1 did: raises ValueError for what it cannot use, which association makes a dead letter of."""
    try:
        return _decoder.decode(record)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not an observation: {error}") from error
