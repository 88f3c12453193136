"""Association as its user sees it: who is linked to whom, what is said, and that a restart changes nothing."""

from collections import Counter
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import Kind, TrajectoryEvent, encode
from embed.observation import CameraEpoch, Message, Observation, TrackletState, order_key
from tests.associate.samples import SETTINGS, associator, convoy, play, ticks, tracklet
from tests.embed.samples import observation, tick, unit


def journeys(events: list[TrajectoryEvent]) -> dict[str, list[str]]:
    """By identity, the tracklets of its complete sightings as `camera track`, when it is closed."""
    return {
        event.identity: ["{0} {2}".format(*visit.observation.split("|")) for visit in event.visits]
        for event in events
        if event.kind is Kind.CLOSED
    }


def in_order(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=order_key)


# Linking


def test_vehicles_are_followed_from_camera_to_camera() -> None:
    events = play(associator(), convoy(6))
    assert sorted(journeys(events).values()) == [[f"a {n}", f"b {n}", f"c {n}"] for n in range(1, 7)]


def test_look_alikes_are_told_apart_by_time_and_one_to_one() -> None:
    """Two equal vehicles 7 s apart: the travel windows leave one way to assign both."""
    same = unit(3, 32)
    messages = [*tracklet("a", 1, same, 10, 12), *tracklet("a", 2, same, 17, 19)]
    messages += [*tracklet("b", 1, same, 20, 22), *tracklet("b", 2, same, 27, 29), *ticks("abc", 60)]
    assert sorted(journeys(play(associator(), in_order(messages))).values()) == [["a 1", "b 1"], ["a 2", "b 2"]]


def test_a_vehicle_seen_nowhere_else_is_a_new_one() -> None:
    messages = [*tracklet("a", 1, unit(1, 32), 10, 12), *tracklet("b", 1, unit(2, 32), 20, 22), *ticks("abc", 60)]
    assert sorted(journeys(play(associator(), in_order(messages))).values()) == [["a 1"], ["b 1"]]


@pytest.mark.parametrize(("return_s", "min_s", "together"), [(60.0, 4, False), (15.0, 4, True), (60.0, -1, True)])
def test_vehicles_do_not_turn_back_at_once(return_s: float, min_s: float, together: bool) -> None:
    """From a to b and to a again within 18 s; where views overlap, tracks may break and alternate."""
    same = unit(1, 32)
    there = [*tracklet("a", 1, same, 10, 12), *tracklet("b", 1, same, 18, 20)]
    messages = [*there, *tracklet("a", 2, same, 30, 32), *ticks("abc", 90)]
    both_ways = Travel(start="a", end="b", min_s=min_s, max_s=12, both_ways=True)
    machine = associator(msgspec.structs.replace(SETTINGS, travel=[both_ways], return_s=return_s))
    assert (len(journeys(play(machine, in_order(messages)))) == 1) is together


@pytest.mark.parametrize("enter_s", [13.0, 26.0])
def test_outside_the_window_nothing_is_linked(enter_s: float) -> None:
    same = unit(1, 32)
    messages = [*tracklet("a", 1, same, 10, 12), *tracklet("b", 1, same, enter_s, enter_s + 2), *ticks("abc", 60)]
    assert len(journeys(play(associator(), in_order(messages)))) == 2


def test_every_closed_tracklet_is_in_exactly_one_identity() -> None:
    messages = convoy(20, look_alikes=True, seed=4)
    closed = {
        f"{m.camera} {m.track}" for m in messages if isinstance(m, Observation) and m.state is TrackletState.CLOSED
    }
    given = Counter(name for names in journeys(play(associator(), messages)).values() for name in names)
    assert given.keys() == closed
    assert set(given.values()) == {1}


def test_look_alikes_elsewhere_push_nobody_out() -> None:
    """A hundred of them, on a camera from which no road leads here."""
    looks = unit(1, 32)
    near = np.asarray((looks + 0.3 * unit(2, 32)) / np.linalg.norm(looks + 0.3 * unit(2, 32)), np.float32)
    messages = [m for n in range(100) for m in tracklet("c", n + 1, looks, 5 + n / 20, 8 + n / 20)]
    messages += [*tracklet("a", 1, near, 10, 12), *tracklet("b", 1, looks, 20, 22), *ticks("abc", 60)]
    assert ["a 1", "b 1"] in journeys(play(associator(), in_order(messages))).values()


@pytest.mark.parametrize("leaves_b_s", [12.1, 12.4, 13.0])
def test_views_that_overlap(leaves_b_s: float) -> None:
    """A vehicle is in both views at once and leaves them almost together."""
    near = [Travel(start="a", end="b", min_s=-5, max_s=5)]
    machine = associator(msgspec.structs.replace(SETTINGS, travel=near))
    messages = [*tracklet("a", 1, unit(1, 32), 8, 12), *tracklet("b", 1, unit(1, 32), 10, leaves_b_s)]
    messages += [*tracklet("a", 2, unit(2, 32), 9, 12), *ticks("abc", 60)]
    assert sorted(journeys(play(machine, in_order(messages))).values()) == [["a 1", "b 1"], ["a 2"]]


# What is said, and when


def test_the_life_of_a_link() -> None:
    same = unit(1, 32)
    messages = [*tracklet("a", 1, same, 10, 12), *tracklet("b", 1, same, 20, 22), *ticks("abc", 60)]
    events = play(associator(), in_order(messages))
    assert [(event.kind.value, event.identity) for event in events] == [
        ("provisional", "z-1"),
        ("confirmed", "z-1"),
        ("provisional", "z-1"),
        ("extended", "z-1"),
        ("closed", "z-1"),
    ]
    assert [event.revision for event in events] == [1, 2, 3, 4, 5]
    link = events[3].evidence
    assert link is not None
    assert link.probability > 0.98
    assert link.similarity == pytest.approx(1, abs=1e-3)
    assert link.travel_s == 8
    assert events[2].visits[-1].open
    assert not events[3].visits[-1].open


def test_a_provisional_identity_that_was_another_is_merged() -> None:
    """While b is in view only its blurred first picture is known; the last one shows who it is."""
    looks, blurred = unit(1, 32), unit(9, 32)
    first, *_ = tracklet("b", 1, blurred, 20, 22)
    _, *rest = tracklet("b", 1, looks, 20, 22)
    messages = [*tracklet("a", 1, looks, 10, 12), first, *rest, *ticks("abc", 60)]
    events = play(associator(), in_order(messages))
    merged = [event for event in events if event.kind is Kind.MERGED]
    assert [(event.identity, event.superseded_by) for event in merged] == [("z-2", "z-1")]
    assert journeys(events) == {"z-1": ["a 1", "b 1"]}


def test_a_better_claim_retracts_a_provisional_one() -> None:
    """Two alike vehicles in b; the one that leaves first fits better, so the other has to look again."""
    looks = unit(1, 32)
    similar = np.asarray((looks + 0.35 * unit(5, 32)) / np.linalg.norm(looks + 0.35 * unit(5, 32)), np.float32)
    messages = [*tracklet("a", 1, looks, 10, 12), *tracklet("b", 1, similar, 18, 30), *tracklet("b", 2, looks, 19, 22)]
    events = play(associator(), in_order([*messages, *ticks("abc", 60)]))
    retracted = [event for event in events if event.kind is Kind.RETRACTED]
    assert [event.identity for event in retracted] == ["z-1"]
    assert sorted(journeys(events).values()) == [["a 1", "b 2"], ["b 1"]]


def test_revisions_and_ids_are_unique() -> None:
    events = play(associator(), convoy(15, look_alikes=True))
    assert len({event.id for event in events}) == len(events)
    for identity in {event.identity for event in events}:
        revisions = [event.revision for event in events if event.identity == identity]
        assert revisions == list(range(1, len(revisions) + 1))


def test_nothing_is_said_before_every_camera_has_passed() -> None:
    machine = associator()
    assert play(machine, tracklet("a", 1, unit(1, 32), 10, 12)) == []
    assert play(machine, [tick("b", at_s=11, sequence=0)]) == []  # c has yet to speak
    assert [event.kind for event in play(machine, [tick("c", at_s=11, sequence=0)])] == [Kind.PROVISIONAL]


def test_a_silent_camera_is_not_waited_for() -> None:
    machine = associator()
    messages = [*tracklet("a", 1, unit(1, 32), 10, 12), *ticks("ab", 30, final=False)]
    assert Kind.CONFIRMED in [event.kind for event in play(machine, in_order(messages))]


def test_the_end_of_all_streams_closes_everything() -> None:
    machine = associator()
    play(machine, convoy(4))
    sizes = machine.sizes
    assert (sizes["held"], sizes["sighting"], sizes["identity"]) == (0, 0, 0)


# What must not matter


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_arrival_does_not_matter(random: object, look_alikes: bool) -> None:
    """Cameras may be any way ahead of each other; the bytes said are the same."""
    messages = convoy(8, look_alikes=look_alikes)
    queues = {camera: [m for m in messages if m.camera == camera] for camera in "abc"}
    arrived: list[Message] = []
    while any(queues.values()):
        camera = random.choice([name for name, queue in queues.items() if queue])  # type: ignore[attr-defined]
        # At most a few messages at once, so that nobody is more than idle_after_s behind.
        arrived.append(queues[camera].pop(0))
        newest = max(m.at_ns for m in arrived)
        behind = [name for name, queue in queues.items() if queue and newest - queue[0].at_ns > 5_000_000_000]
        for name in behind:
            while queues[name] and newest - queues[name][0].at_ns > 5_000_000_000:
                arrived.append(queues[name].pop(0))
    expected = [encode(event) for event in play(associator(), messages)]
    assert [encode(event) for event in play(associator(), arrived)] == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_restart_anywhere_changes_nothing(place: int, look_alikes: bool) -> None:
    messages = convoy(8, look_alikes=look_alikes)
    cut = place % len(messages)
    expected = [encode(event) for event in play(associator(), messages)]
    first = associator()
    stored: dict[str, bytes] = {}
    told: list[TrajectoryEvent] = []
    for message in messages[:cut]:
        told += first.update(message)
        for key, value in first.changes().items():
            if value is None:
                del stored[key]
            else:
                stored[key] = value
    second = associator()
    second.restore(stored)
    told += play(second, messages[cut:])
    assert [encode(event) for event in told] == expected


def test_what_is_said_twice_counts_once() -> None:
    messages = convoy(6)
    machine = associator()
    twice = [told for message in messages for _ in range(2) for told in machine.update(message)]
    assert [encode(event) for event in twice] == [encode(event) for event in play(associator(), messages)]
    assert machine.counts["duplicate"] == len(messages)


# Owners and restarts of cameras


def test_an_owner_that_was_replaced_is_not_listened_to() -> None:
    machine = associator()
    machine.update(tick("a", at_s=5, epoch=CameraEpoch(2, 0), sequence=0))
    machine.update(tick("a", at_s=9, epoch=CameraEpoch(1, 7), sequence=3))
    assert machine.counts["fenced"] == 1


def test_a_vehicle_in_view_during_a_restart_stays_one() -> None:
    looks = unit(1, 32)
    messages = [
        *tracklet("a", 1, looks, 10, 14, closed=False),
        *tracklet("a", 1, looks, 15, 17, epoch=CameraEpoch(2, 0)),
        *[tick("a", at_s=second, sequence=second, epoch=CameraEpoch(1 + (second > 14), 0)) for second in range(60)],
        tick("a", at_s=60, sequence=60, epoch=CameraEpoch(2, 0), final=True),
        *ticks("bc", 60),
    ]
    events = play(associator(), in_order(messages))
    assert [len(names) for names in journeys(events).values()] == [2]


def test_a_camera_whose_clock_was_set_back_is_heard() -> None:
    machine = associator()
    play(machine, [*ticks("bc", 4000, final=False), *ticks("a", 4000, final=False)])
    before = machine.counts.copy()
    again = CameraEpoch(1, 1)
    later: list[Message] = [tick("a", at_s=100 + second, sequence=second, epoch=again) for second in range(40)]
    play(machine, later)
    assert machine.counts["duplicate"] == before["duplicate"]
    assert machine.counts["late"] - before["late"] == 40


# Bounds


def test_a_parked_vehicle_keeps_nobody_else_open() -> None:
    """It was there before all others, so none of them can turn out to be it."""
    parked = tracklet("b", 99, unit(99, 32), 1, 9000, closed=False)[:1]
    passing = [m for n in range(200) for m in tracklet("a", n + 1, unit(n, 32), 20 + 10 * n, 22 + 10 * n)]
    machine = associator()
    events = play(machine, in_order([*parked, *passing, *ticks("abc", 2100, final=False)]))
    assert sum(event.kind is Kind.CLOSED for event in events) > 190
    assert machine.sizes["identity"] < 10


def test_state_is_bounded() -> None:
    """Four hours of traffic, one vehicle every 4 s, leave no more behind than the horizon holds."""
    machine = associator()
    largest = Counter[str]()
    for message in convoy(3600):
        machine.update(message)
        machine.changes()
        largest.update({name: max(0, size - largest[name]) for name, size in machine.sizes.items()})
    assert largest["identity"] < 40
    assert largest["held"] < 40
    assert largest["sighting"] < 10


def test_the_oldest_identities_make_room() -> None:
    narrow = msgspec.structs.replace(SETTINGS, max_identities=10, only_listed=False, max_travel_s=3600.0)
    machine = associator(narrow)
    messages = [m for n in range(60) for m in tracklet("a", n + 1, unit(n, 32), 5 + 3 * n, 7 + 3 * n)]
    play(machine, in_order([*messages, *ticks("abc", 190, final=False)]))
    assert machine.sizes["identity"] <= 11


# What cannot be used


def test_foreign_and_broken_vectors_are_refused() -> None:
    machine = associator()
    assert "grl@1" in (machine.refuse(observation("a", encoder="grl@1")) or "")
    assert machine.refuse(observation("a")) is None
    assert "a vector of 8" in (machine.refuse(observation("a", dim=8, vector=None)) or "")
    assert "norm nan" in (machine.refuse(observation("a", vector=np.full(16, np.nan, np.float32))) or "")
    assert machine.refuse(tick("a")) is None


def test_faiss_says_the_same() -> None:
    exact = play(associator(), convoy(10))
    faiss = play(associator(msgspec.structs.replace(SETTINGS, search="faiss")), convoy(10))
    # Its sums differ in the last digits.
    assert [(e.id, e.kind, e.visits) for e in faiss] == [(e.id, e.kind, e.visits) for e in exact]


def test_times_go_up_along_a_journey() -> None:
    for event in play(associator(), convoy(15, look_alikes=True)):
        assert all(earlier.leave_ns <= later.enter_ns for earlier, later in pairwise(event.visits))


def test_the_default_settings_can_be_used() -> None:
    assert AssociateSettings().default_window is not None
