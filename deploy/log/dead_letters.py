"""Dead letters: what is kept of a record that could not be used. However large the record, its letter is not."""

import base64
import hashlib

import msgspec

from deploy.log.base import Record, StoredRecord
from deploy.log.topics import DEAD_LETTERS, OBSERVATIONS

LARGEST_RECORD_BYTES = 512 * 1024
"""Larger records are not taken in, and their dead letters do not repeat them: Kafka would take neither letter nor
state. An observation has 1 to 2 KB."""
LONGEST_KEY = 256
LONGEST_REASON = 1000
"""Characters of what others wrote that a letter repeats; JSON needs up to six bytes for each."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be used.

    topic: topic that the record was on.
    offset: its position there.
    key: its key, at most 256 characters of it.
    reason: why it could not be used.
    record: the record itself, base64; empty where it was too large to repeat, or is no longer on the log.
    size: bytes of the record; 0 in older letters, and where it is no longer on the log.
    sha256: digest of the record, hexadecimal, by which a copy is known as such; empty where `size` is 0.
    """

    topic: str
    offset: int
    key: str
    reason: str
    record: str
    size: int = 0
    sha256: str = ""


def too_large(record: StoredRecord) -> str | None:
    """The reason why a record is not even looked at; None where it is."""
    if len(record.value) <= LARGEST_RECORD_BYTES:
        return None
    return f"a record of {len(record.value)} bytes (at most {LARGEST_RECORD_BYTES})"


def dead_letter(record: StoredRecord, reason: str) -> Record:
    """The letter about a record of the observations."""
    letter = DeadLetter(
        topic=OBSERVATIONS,
        offset=record.offset,
        key=_shortened(record.key, LONGEST_KEY),
        reason=_shortened(reason, LONGEST_REASON),
        record="" if too_large(record) else base64.b64encode(record.value).decode(),
        size=len(record.value),
        sha256=hashlib.sha256(record.value).hexdigest() if record.value else "",
    )
    return Record(DEAD_LETTERS, f"{OBSERVATIONS}/{record.offset}", msgspec.json.encode(letter))


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
