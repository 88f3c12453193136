"""Append times: when a record came onto its log, and what stands for that where nobody wrote it down.

A log keeps whole milliseconds, since Kafka does, so that a copy from one kind of log to the other changes none.
"""

import msgspec

from deploy.log.base import Record
from ingest.clock import Clock

MS = 1_000_000
"""Nanoseconds in a millisecond."""

UNKNOWN_NS = 0
"""Append time of an old record that has no event time either."""

LATEST_NS = 2**63 - 1


class _Timed(msgspec.Struct, frozen=True):
    """The event time of a message of any kind."""

    at_ns: int


_decode_msgpack = msgspec.msgpack.Decoder(_Timed).decode
_decode_json = msgspec.json.Decoder(_Timed).decode


def append_time_ns(record: Record, clock: Clock) -> int:
    """The time that a record is given as it is appended: its own where it is a copy, else now; whole milliseconds."""
    at_ns = clock.now_ns() if record.appended_ns is None else record.appended_ns
    return at_ns // MS * MS


def time_of_old_record_ns(value: bytes) -> int:
    """What stands for the append time of a record from before format 2: its event time, or UNKNOWN_NS without one.

    So an old record never looks late or early: the two times are compared, and they are one.
    """
    try:
        at_ns = (_decode_json if value[:1] == b"{" else _decode_msgpack)(value).at_ns
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return UNKNOWN_NS
    return at_ns // MS * MS if 0 <= at_ns <= LATEST_NS else UNKNOWN_NS
