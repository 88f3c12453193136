"""Observation records that were damaged, or say what cannot be: set aside one by one, and the rest is linked."""

import math
import random
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from deploy.results.journeys import read_journeys
from deploy.site.association_worker import AssociationWorker
from embed.observation import encode
from tests.associate.samples import associator, convoy
from tests.bench.fuzz.mutations import mutated

ODD: tuple[Any, ...] = (
    *(None, True, "", "x", "a|b|c", "\ud7ff" * 300, [], {}, [[]], b"", b"\xff" * 7, b"\x00" * 64, b"\xff" * 64),
    *(0, -1, 1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 1e308, -0.0, math.nan, math.inf, 0.5),
)
DAMAGED = 4


@cache
def sound() -> tuple[bytes, ...]:
    """The records of three vehicles that pass three cameras."""
    return tuple(encode(message) for message in convoy(3))


def check(rng: random.Random, folder: Path) -> list[str]:
    records = list(sound())
    for _ in range(rng.randint(1, DAMAGED)):
        at = rng.randrange(len(records))
        damaged = odd(rng, records[at]) if rng.random() < 0.7 else mutated(rng, records[at], records)
        records[at : at + rng.randint(0, 1)] = [damaged]
    log = SqliteLog(folder / "log.db")
    try:
        writer = log.claim("camera/a")
        writer.commit([Record(OBSERVATIONS, "a", record) for record in records])
        worker = AssociationWorker(log, "z", associator())
        worker.drain()
        assert worker.counts["records"] == len(records)
        # A restart reads its state back, and finds nothing to do.
        again = AssociationWorker(log, "z", associator())
        assert again.step() == 0
        read_journeys(log)
    finally:
        log.close()
    return []


def odd(rng: random.Random, record: bytes) -> bytes:
    """One to three values replaced by odd ones, at any depth."""
    try:
        message = msgspec.msgpack.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return record  # damaged before
    if not isinstance(message, dict | list):
        return record
    for _ in range(rng.randint(1, 3)):
        place: Any = message
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.8:
                place = place[key]
                continue
            place[key] = rng.choice(ODD)
            break
    return msgspec.msgpack.encode(message)
