"""Every field of every message at its extremes, from a camera of the site: no other vehicle is linked otherwise."""

import json
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from associate.trajectory import TrajectoryEvent, decode
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, OBSERVATIONS, TRAJECTORIES
from deploy.site.association_worker import AssociationWorker
from embed.observation import Observation, encode, order_key
from embed.observation import Record as Said
from tests.associate.samples import SETTINGS, associator, convoy, ticks
from tests.embed.samples import camera_change, correction, gap, observation, tick

CAMERA = "north"
"""It says the poison; the vehicles that are compared pass a, b and c."""

EXTREMES: tuple[Any, ...] = (
    *(None, True, [], {}, [[]], [2**63 - 1, -(2**63)], [None] * 20_000, {"x": 1}),
    *("", "x", "\x00", "|", "a|1.0|1", "\U0010ffff" * 300, "x" * 100_000),
    *(b"", b"\x00", bytes(64), b"\xff" * 64, np.full(256, 6e4, "<f2").tobytes(), bytes(100_000)),
    *(0, 1, -1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1),
    *(-0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
)
SOUND: dict[str, Said] = {
    "observation": msgspec.structs.replace(
        observation(CAMERA, at_s=22.0, first_s=20.0, dim=256), colour="red", colour_score=0.5, count=1
    ),
    "tick": msgspec.structs.replace(tick(CAMERA, at_s=22.0), count=1, behind_ns=1),
    "gap": msgspec.structs.replace(gap(at_s=22.0), count=1),
    "correction": correction(at_s=22.0),
    "camera change": camera_change(at_s=22.0),
}
Place = tuple[str | int, ...]
"""Where in a message: a field, and where that is a list the number of one of its values, and so on."""


def places(value: Any, place: Place) -> Iterator[Place]:
    """A place, and where there is a list those of its values."""
    yield place
    for number, each in enumerate(value if isinstance(value, list) else ()):
        yield from places(each, (*place, number))


def plain(name: str) -> dict[str, Any]:
    """A sound message as MessagePack has it."""
    found: dict[str, Any] = msgspec.msgpack.decode(encode(SOUND[name]))
    return found


def with_value(message: Any, place: Place, value: Any) -> Any:
    """A copy of a message, or of a part of one, with another value at a place."""
    if not place:
        return value
    copied, (key, *rest) = copy(message), place
    copied[key] = with_value(copied[key] if rest else None, tuple(rest), value)
    return copied


FIELDS = [(name, field) for name, message in SOUND.items() for field in ("type", *message.__struct_fields__)]
BEFORE = 60
"""Messages before the poison: vehicles are between all cameras."""


def said(folder: Path, values: list[bytes]) -> tuple[list[TrajectoryEvent], list[str]]:
    """The events of other cameras' vehicles, with these records amid the others'; and the keys of dead letters."""
    vehicles = [each for each in convoy(3) if isinstance(each, Observation)]
    messages = sorted([*vehicles, *ticks("abc", 200)], key=order_key)
    records = [Record(OBSERVATIONS, each.camera, encode(each), each.at_ns) for each in messages]
    with closing(SqliteLog(folder / "log.db")) as log:
        odd = [Record(OBSERVATIONS, CAMERA, value, messages[BEFORE].at_ns) for value in values]
        log.claim("cameras").commit([*records[:BEFORE], *odd, *records[BEFORE:]])
        worker = AssociationWorker(log, "z", associator(SETTINGS, (*"abc", CAMERA)))
        worker.drain()
        assert worker.counts["records"] == len(records) + len(values)
        events = [decode(record.value) for record in log.read(TRAJECTORIES, 0, 100_000)]
        letters = [json.loads(record.value)["key"] for record in log.read(DEAD_LETTERS, 0, 100_000)]
        return list(comparable(events)), letters


def comparable(events: list[TrajectoryEvent]) -> Iterator[TrajectoryEvent]:
    """Events of other cameras' vehicles, their identities numbered anew.

    Without the message that decided them: any sound one may be the first of a second, and so decide what came before.
    """
    numbers: dict[str, str] = {}
    for event in events:
        if not any(visit.camera == CAMERA for visit in event.visits):
            yield msgspec.structs.replace(
                event,
                identity=numbers.setdefault(event.identity, str(len(numbers))),
                evidence=event.evidence and msgspec.structs.replace(event.evidence, runner_up=None),
                id="",
                decided_by="",
                at_ns=0,
            )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[TrajectoryEvent]:
    events, letters = said(tmp_path_factory.mktemp("undisturbed"), [])
    assert len(events) >= 10
    assert not letters
    return events


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[" ".join(each) for each in FIELDS])
def test_no_other_vehicle_notices(name: str, field: str, tmp_path: Path, undisturbed: list[TrajectoryEvent]) -> None:
    sound = plain(name)
    values = [with_value(sound, place, extreme) for place in places(sound.get(field), (field,)) for extreme in EXTREMES]
    events, letters = said(tmp_path, [msgspec.msgpack.encode(value) for value in values])
    assert events == undisturbed
    assert set(letters) == {CAMERA}, "nothing was refused, or what is not to blame"


@pytest.mark.parametrize("name", SOUND)
def test_nor_does_one_notice_a_message_without_a_field_or_with_a_strange_one(
    name: str, tmp_path: Path, undisturbed: list[TrajectoryEvent]
) -> None:
    whole = plain(name)
    without = [{key: value for key, value in whole.items() if key != field} for field in whole]
    events, letters = said(tmp_path, [msgspec.msgpack.encode(value) for value in (*without, whole | {"x": 1})])
    assert events == undisturbed
    assert set(letters) == {CAMERA}, "nothing was refused, or what is not to blame"
