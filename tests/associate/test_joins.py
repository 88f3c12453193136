"""Views that see a place at once: a vehicle is one, though two of its three sightings look nothing alike."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from associate.associator import Associator
from associate.links import two_cameras
from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import TrajectoryEvent
from embed.observation import Message, order_key
from tests.associate.samples import associator, play, ticks, tracklet

VEHICLES = 120
SETTINGS = AssociateSettings(zone="z")


def direction(rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.normal(size=256)
    return np.asarray(drawn / np.linalg.norm(drawn), np.float32)


def three_views(vehicles: int = VEHICLES) -> list[Message]:
    """Vehicles that a sees until they come to c, and b meanwhile: c sees what both see, a and b see nothing alike."""
    rng = np.random.default_rng(0)
    messages: list[Message] = []
    enter_s = 5.0
    for number in range(vehicles):
        enter_s += float(rng.uniform(2, 5))
        from_a, from_b = direction(rng), direction(rng)
        from_c = (from_a + from_b) / np.float32(np.linalg.norm(from_a + from_b))
        for camera, vector, begin_s, lasts_s in (
            ("a", from_a, 0.0, 8.0),
            ("b", from_b, float(rng.uniform(2, 2.5)), 3.0),
            ("c", from_c, float(rng.uniform(9, 9.3)), 4.0),
        ):
            messages += tracklet(camera, number + 1, vector, enter_s + begin_s, enter_s + begin_s + lasts_s)
    return sorted([*messages, *ticks("abc", enter_s + 60)], key=order_key)


def vehicle(observation: str) -> str:
    return observation.split("|")[2]


def latest(events: list[TrajectoryEvent]) -> list[TrajectoryEvent]:
    """The last word on every identity that has not been taken back."""
    known: dict[str, TrajectoryEvent] = {}
    for event in events:
        known[event.identity] = event
        if event.superseded_by is not None and len(event.visits) == 0:
            known.pop(event.identity)
    return [event for event in known.values() if event.superseded_by is None]


def whole_and_wrong(events: list[TrajectoryEvent]) -> tuple[int, int]:
    """Identities with all three sightings of a vehicle, and links of two vehicles."""
    wrong = whole = 0
    for event in latest(events):
        owners = [vehicle(visit.observation) for visit in event.visits]
        whole += len(owners) == 3 and len(set(owners)) == 1
        wrong += sum(one != other for one, other in pairwise(owners))
    return whole, wrong


def test_what_a_third_view_sees_of_both_makes_them_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, wrong = whole_and_wrong(play(associator(SETTINGS), three_views()))
    assert whole > VEHICLES * 0.7
    assert wrong <= 3
    monkeypatch.setattr(two_cameras, "NEAR_S", -1e9)
    assert whole > whole_and_wrong(play(associator(SETTINGS), three_views()))[0] + VEHICLES // 4


def test_no_join_goes_by_a_road_that_is_not_there() -> None:
    roads = [Travel(start="a", end="c", min_s=-2, max_s=20), Travel(start="b", end="c", min_s=0, max_s=20)]
    listed = msgspec.structs.replace(SETTINGS, travel=roads, only_listed=True)
    for event in latest(play(associator(listed), three_views(60))):
        ways = [(one.camera, other.camera) for one, other in pairwise(event.visits)]
        assert set(ways) <= {("a", "c"), ("b", "c")}


def test_a_restart_in_between_changes_nothing() -> None:
    messages = three_views(60)

    def told(machine: Associator, of: list[Message]) -> list[bytes]:
        return [msgspec.json.encode(event) for event in play(machine, of)]

    once = told(associator(SETTINGS), messages)
    for cut in (200, 333):
        first = associator(SETTINGS)
        events = told(first, messages[:cut])
        state = {key: row for key, row in first.changes().items() if row is not None}
        second = associator(SETTINGS)
        second.restore(state)
        assert events + told(second, messages[cut:]) == once


def test_a_camera_sees_nobody_twice_at_once() -> None:
    for event in latest(play(associator(SETTINGS), three_views())):
        by_camera: dict[str, list[tuple[int, int]]] = {}
        for visit in event.visits:
            by_camera.setdefault(visit.camera, []).append((visit.enter_ns, visit.leave_ns))
        for spans in by_camera.values():
            assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans)))


def test_state_from_before_there_were_joins_goes_on() -> None:
    """Rows of pairs had no `together` then: nothing has been counted of two cameras."""
    messages = three_views(40)
    first = associator(SETTINGS)
    play(first, messages[:200])
    state = {key: row for key, row in first.changes().items() if row is not None}
    for key, row in state.items():
        if key.startswith("pair|"):
            former = msgspec.msgpack.decode(row)
            del former["together"]
            state[key] = msgspec.msgpack.encode(former)
    second = associator(SETTINGS)
    second.restore(state)
    assert whole_and_wrong(play(second, messages[200:]))[1] <= 3
