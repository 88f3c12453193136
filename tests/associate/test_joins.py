"""Views that see a place at once: a vehicle is one, though two of its three sightings look nothing alike."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from associate.associator import Associator
from associate.joins import Chains
from associate.links import two_cameras
from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import Kind, TrajectoryEvent
from embed.observation import Correction, Message, Observation, TrackletState, order_key
from ingest.clock import NS
from tests.associate.memory.samples import fresh
from tests.associate.samples import associator, looks, play, ticks, tracklet
from training.scoring.decisions import read_decisions

VEHICLES = 120
SETTINGS = AssociateSettings(zone="z")
SOON = AssociateSettings(zone="z", lag_s=2)
"""Settled before the third view has seen the vehicle."""


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


def test_settled_identities_become_one() -> None:
    events = play(associator(SOON), three_views())
    whole, wrong = whole_and_wrong(events)
    assert whole > VEHICLES * 0.5
    assert wrong <= 3
    settled, united = set[str](), 0
    for event in events:
        if event.kind is Kind.MERGED and event.identity in settled:
            united += 1
            assert event.superseded_by in settled
        if event.settled:
            settled.add(event.identity)
    assert united > VEHICLES * 0.4


@pytest.mark.parametrize("settings", [SETTINGS, SOON])
def test_every_sighting_is_of_one_identity_whatever_was_joined(settings: AssociateSettings) -> None:
    messages = three_views()
    events = play(associator(settings), messages)
    sightings = [visit.observation for event in latest(events) for visit in event.visits]
    ended = [it.id for it in messages if isinstance(it, Observation) and it.state is TrackletState.CLOSED]
    assert sorted(sightings) == sorted(ended)
    # Whoever reads one event after the other comes to the same.
    numbers = {each.rpartition("|")[0]: place for place, each in enumerate(sightings)}
    known = read_decisions(events, numbers).identities()
    for event in latest(events):
        assert len({known[numbers[visit.tracklet]] for visit in event.visits}) == 1


def test_who_was_joined_is_parted_by_a_correction() -> None:
    messages = three_views(60)
    events = play(associator(SOON), messages)
    whole = [event for event in latest(events) if len(event.visits) == 3]
    joined = next(event for event in whole if event.visits[0].enter_ns > 150 * NS)
    a, b = (next(visit.tracklet for visit in joined.visits if visit.camera == camera) for camera in "ab")
    said_ns = joined.visits[-1].leave_ns + 10 * NS
    said = Correction(id=f"correction|{said_ns}|x", at_ns=said_ns, tracklets=(a, b), verdict="different", by="test")
    machine = associator(SOON)
    parted = play(machine, [message for message in messages if message.at_ns <= said_ns])
    parted += machine.update(said)
    parted += play(machine, [message for message in messages if message.at_ns > said_ns])
    for event in latest(parted):
        assert len({a, b} & {visit.tracklet for visit in event.visits}) < 2


@pytest.mark.parametrize("settings", [SETTINGS, SOON])
def test_a_restart_in_between_changes_nothing(settings: AssociateSettings) -> None:
    messages = three_views(50)

    def told(machine: Associator, of: list[Message]) -> list[bytes]:
        return [msgspec.json.encode(event) for event in play(machine, of)]

    once = told(associator(settings), messages)
    for cut in (200, 333):
        first = associator(settings)
        events = told(first, messages[:cut])
        state = {key: row for key, row in first.changes().items() if row is not None}
        second = associator(settings)
        second.restore(state)
        assert events + told(second, messages[cut:]) == once


def test_a_camera_sees_nobody_twice_at_once() -> None:
    for event in latest(play(associator(SETTINGS), three_views())):
        by_camera: dict[str, list[tuple[int, int]]] = {}
        for visit in event.visits:
            by_camera.setdefault(visit.camera, []).append((visit.enter_ns, visit.leave_ns))
        for spans in by_camera.values():
            assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans)))


@pytest.mark.parametrize(
    ("gap_s", "fits"), [(-1.0, False), (1.0, True), (10.0, False)], ids=["at once", "fragments", "again"]
)
def test_a_view_sees_a_vehicle_once_but_for_fragments_of_its_stay(gap_s: float, fits: bool) -> None:
    first, second = (tracklet("a", 1, looks(1), 5, 9), tracklet("a", 2, looks(2), 9 + gap_s, 13 + gap_s))
    seen = fresh()
    for message in sorted([*first, *second], key=order_key):
        assert isinstance(message, Observation)
        seen.hear(message.camera, message.epoch, message.at_ns)
        seen.tracklets.see(message)
    assert Chains(seen, np.array([-1, -1])).fit(0, 1) is fits


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
