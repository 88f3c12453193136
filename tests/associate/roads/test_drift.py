"""Alarms: each is raised where something was changed, within a stated time, and none where nothing was.

A vehicle every 2 s passes a and b; two of three go on to c.
"""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from associate.associator import Associator
from associate.roads.records import Alarm, AlarmKind
from associate.settings import AssociateSettings
from embed.observation import Message, Observation, Record, order_key
from ingest.clock import NS
from tests.associate.roads.disturbed import from_the_other_side, in_another_light, with_clock_ahead
from tests.associate.samples import associator
from tests.associate.test_learned import traffic
from tests.embed.samples import camera_change

SETTINGS = AssociateSettings(zone="z", memory_s=180)
CHANGED_S = 500.0
UNTIL_S = 760.0
"""Event time at which something happens, and at which a run ends."""

Disturbance = Callable[[Message], Message | None]


def of(camera: str, change: Disturbance) -> Disturbance:
    return lambda message: change(message) if message.camera == camera else message


DISTURBANCES: dict[str, tuple[Disturbance, set[str], float]] = {
    "undisturbed": (lambda message: message, set(), 0.0),
    "nobody goes on to c": (
        of("c", lambda message: None if isinstance(message, Observation) else message),
        {"alarm|z|road_closed|b|c"},
        240.0,
    ),
    "b's clock is set forward": (
        of("b", lambda message: with_clock_ahead(message, 4.0)),
        {"alarm|z|clock_stepped|b"},
        120.0,
    ),
    "b looks elsewhere": (of("b", from_the_other_side), {"alarm|z|camera_moved|b"}, 120.0),
    "b sees in another light": (of("b", in_another_light), {"alarm|z|camera_moved|b"}, 120.0),
}
"""By name: what happens to a message, the alarms that have to come, and within how many seconds."""

MESSAGES = [each for each in traffic(375, every_s=2.0)[0] if isinstance(each, Message) and each.at_ns < UNTIL_S * NS]


@pytest.fixture(scope="module")
def learned() -> dict[str, bytes]:
    """The state before anything happens."""
    machine = associator(SETTINGS)
    for message in MESSAGES:
        if message.at_ns < CHANGED_S * NS:
            machine.update(message)
    assert not [each for each in machine.take_roads() if isinstance(each, Alarm)]
    return {key: row for key, row in machine.changes().items() if row is not None}


def restored(state: dict[str, bytes]) -> Associator:
    machine = associator(SETTINGS)
    machine.restore(state)
    return machine


def raised(machine: Associator, messages: Sequence[Record]) -> list[Alarm]:
    found: list[Alarm] = []
    for message in messages:
        machine.update(message)
        found += [each for each in machine.take_roads() if isinstance(each, Alarm)]
    return found


def disturbed(change: Disturbance) -> list[Message]:
    """Messages from the change on; a tracklet that was under way is as it was."""
    begun = {it.tracklet for it in MESSAGES if isinstance(it, Observation) and it.at_ns < CHANGED_S * NS}
    later = [it for it in MESSAGES if it.at_ns >= CHANGED_S * NS]
    told = [it if isinstance(it, Observation) and it.tracklet in begun else change(it) for it in later]
    return sorted((it for it in told if it is not None), key=order_key)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_alarms(learned: dict[str, bytes], name: str) -> None:
    change, expected, within_s = DISTURBANCES[name]
    messages = disturbed(change)
    until_ns = (CHANGED_S + (within_s or 120.0) + 20) * NS
    found = raised(restored(learned), [it for it in messages if it.at_ns < until_ns])
    assert {alarm.key for alarm in found} == expected
    assert all(alarm.since_ns <= (CHANGED_S + within_s) * NS for alarm in found)
    assert all(not alarm.over for alarm in found)


def test_a_clock_says_by_how_much_and_is_over_when_somebody_has_said_so(learned: dict[str, bytes]) -> None:
    """Also by a process that goes on from the state of another one."""
    at_s = CHANGED_S + 180
    said = msgspec.structs.replace(camera_change(at_s=at_s), camera="b", change="clock_set")
    messages = disturbed(DISTURBANCES["b's clock is set forward"][0])
    first = restored(learned)
    found = raised(first, [it for it in messages if it.at_ns < at_s * NS])
    assert found[-1].ahead_s == pytest.approx(4.0, abs=0.6)
    assert {alarm.since_ns for alarm in found} == {found[0].since_ns}
    changed = learned | first.changes()
    later = [said, *(it for it in messages if at_s * NS <= it.at_ns < (at_s + 62) * NS)]
    over = raised(restored({key: row for key, row in changed.items() if row is not None}), later)
    assert [(alarm.key, alarm.since_ns, alarm.over) for alarm in over] == [(found[0].key, found[0].since_ns, True)]
    assert raised(first, later) == over


def test_a_silent_camera_is_no_closed_road(learned: dict[str, bytes]) -> None:
    assert raised(restored(learned), [it for it in disturbed(lambda it: it) if it.camera != "c"]) == []


def test_every_kind_has_its_line() -> None:
    for kind in AlarmKind:
        alarm = Alarm(
            zone="z", kind=kind, camera="a", end="b", at_ns=0, since_ns=0, expected=15.0, found=0.2, ahead_s=-4.0,
            gates=0.9, looks=0.0,
        )  # fmt: skip
        assert "'a'" in str(alarm)
        assert "\n" not in str(alarm)
