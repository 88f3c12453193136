"""Association as its user sees it: who is linked to whom, what is said, and that a restart changes nothing."""

from collections import Counter
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import Kind, TrajectoryEvent, encode
from embed.observation import BoxAt, CameraEpoch, Message, Observation, TrackletState, order_key, pack_vector
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.associate.samples import SETTINGS, associator, convoy, looks, play, ticks, tracklet
from tests.embed.samples import ENCODER, observation, tick


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
    same = looks(3)
    messages = [*tracklet("a", 1, same, 10, 12), *tracklet("a", 2, same, 17, 19)]
    messages += [*tracklet("b", 1, same, 20, 22), *tracklet("b", 2, same, 27, 29), *ticks("abc", 60)]
    assert sorted(journeys(play(associator(), in_order(messages))).values()) == [["a 1", "b 1"], ["a 2", "b 2"]]


def test_a_vehicle_seen_nowhere_else_is_a_new_one() -> None:
    messages = [*tracklet("a", 1, looks(1), 10, 12), *tracklet("b", 1, looks(2), 20, 22), *ticks("abc", 60)]
    assert sorted(journeys(play(associator(), in_order(messages))).values()) == [["a 1"], ["b 1"]]


@pytest.mark.parametrize("enter_s", [13.0, 26.0])
def test_outside_the_window_nothing_is_linked(enter_s: float) -> None:
    same = looks(1)
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
    """Ten of them among others, on a camera from which no road leads here."""
    own = looks(1)
    near = np.asarray((own + 0.3 * looks(2)) / np.linalg.norm(own + 0.3 * looks(2)), np.float32)
    others = [own if n % 10 == 0 else looks(10 + n) for n in range(100)]
    messages = [m for n, it in enumerate(others) for m in tracklet("c", n + 1, it, 5 + n / 20, 8 + n / 20)]
    messages += [*tracklet("a", 1, near, 10, 12), *tracklet("b", 1, own, 20, 22), *ticks("abc", 60)]
    assert ["a 1", "b 1"] in journeys(play(associator(), in_order(messages))).values()


@pytest.mark.parametrize("leaves_b_s", [12.1, 12.4, 13.0])
def test_views_that_overlap(leaves_b_s: float) -> None:
    """A vehicle is in both views at once and leaves them almost together."""
    near = [Travel(start="a", end="b", min_s=-5, max_s=5)]
    machine = associator(msgspec.structs.replace(SETTINGS, travel=near))
    messages = [*tracklet("a", 1, looks(1), 8, 12), *tracklet("b", 1, looks(1), 10, leaves_b_s)]
    messages += [*tracklet("a", 2, looks(2), 9, 12), *ticks("abc", 60)]
    assert sorted(journeys(play(machine, in_order(messages))).values()) == [["a 1", "b 1"], ["a 2"]]


# What is said, and when


def test_the_life_of_a_link() -> None:
    same = looks(1)
    messages = [*tracklet("a", 1, same, 10, 12), *tracklet("b", 1, same, 20, 22), *ticks("abc", 60)]
    events = play(associator(), in_order(messages))
    assert [(event.kind.value, event.identity, event.settled) for event in events] == [
        ("provisional", "z-1", False),
        ("confirmed", "z-1", False),
        ("provisional", "z-1", False),
        ("extended", "z-1", False),
        ("confirmed", "z-1", True),
        ("extended", "z-1", True),
        ("closed", "z-1", False),
    ]
    assert [event.revision for event in events] == [1, 2, 3, 4, 5, 6, 7]
    link = events[5].evidence
    assert link is not None
    assert link.probability > 0.98
    assert link.similarity == pytest.approx(1, abs=0.05)
    assert link.travel_s == 8
    assert events[2].visits[-1].open
    assert not events[3].visits[-1].open


def test_a_provisional_identity_that_was_another_is_merged() -> None:
    """While b is in view only its blurred first picture is known; the last one shows who it is."""
    own, blurred = looks(1), looks(9)
    first, *_ = tracklet("b", 1, blurred, 20, 22)
    _, *rest = tracklet("b", 1, own, 20, 22)
    messages = [*tracklet("a", 1, own, 10, 12), first, *rest, *ticks("abc", 60)]
    events = play(associator(), in_order(messages))
    merged = [event for event in events if event.kind is Kind.MERGED]
    assert [(event.identity, event.superseded_by) for event in merged] == [("z-2", "z-1")]
    assert journeys(events) == {"z-1": ["a 1", "b 1"]}


def test_a_better_claim_splits_a_link_within_the_lag() -> None:
    """Two alike vehicles in b; the better one ends second, and takes the link of the first one over."""
    own = looks(1)
    similar = np.asarray((own + 0.6 * looks(5)) / np.linalg.norm(own + 0.6 * looks(5)), np.float32)
    messages = [*tracklet("a", 1, own, 10, 12), *tracklet("b", 1, similar, 18, 20), *tracklet("b", 2, own, 19, 28)]
    late = [
        msgspec.structs.replace(m, vector=pack_vector(looks(9))) if m.track == 2 and m.sequence < 2 else m
        for m in messages
        if isinstance(m, Observation)
    ]
    events = play(associator(), in_order([*late, *ticks("abc", 60)]))
    assert [event.identity for event in events if event.kind is Kind.SPLIT] == ["z-1"]
    assert sorted(journeys(events).values()) == [["a 1", "b 2"], ["b 1"]]


def test_revisions_and_ids_are_unique() -> None:
    events = play(associator(), convoy(15, look_alikes=True))
    assert len({event.id for event in events}) == len(events)
    for identity in {event.identity for event in events}:
        revisions = [event.revision for event in events if event.identity == identity]
        assert revisions == list(range(1, len(revisions) + 1))


def test_nothing_is_said_before_every_camera_has_passed() -> None:
    machine = associator()
    assert play(machine, tracklet("a", 1, looks(1), 10, 12)) == []
    assert play(machine, [tick("b", at_s=11, sequence=0)]) == []  # c has yet to speak
    assert play(machine, [tick("c", at_s=11, sequence=0)]) == []  # decided with all others of its two seconds
    later: list[Message] = [tick(camera, at_s=13, sequence=1) for camera in "abc"]
    assert [event.kind for event in play(machine, later)] == [Kind.PROVISIONAL]


def test_a_silent_camera_is_not_waited_for() -> None:
    machine = associator()
    messages = [*tracklet("a", 1, looks(1), 10, 12), *ticks("ab", 30, final=False)]
    assert Kind.CONFIRMED in [event.kind for event in play(machine, in_order(messages))]


def test_the_end_of_all_streams_closes_everything() -> None:
    machine = associator()
    play(machine, convoy(4))
    sizes = machine.sizes
    assert (sizes["held"], sizes["identity"]) == (0, 0)


# What must not matter


@cache
def undisturbed(look_alikes: bool) -> list[bytes]:
    """The events of a convoy of eight whose messages arrive in order."""
    return [encode(event) for event in play(associator(), convoy(8, look_alikes=look_alikes))]


@settings(max_examples=20, deadline=None)
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
    assert [encode(event) for event in play(associator(), arrived)] == undisturbed(look_alikes)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_restart_anywhere_changes_nothing(place: int, look_alikes: bool) -> None:
    messages = convoy(8, look_alikes=look_alikes)
    cut = place % len(messages)
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
    assert [encode(event) for event in told] == undisturbed(look_alikes)


@pytest.mark.parametrize("look_alikes", [True, False], ids=["local scaling", "whitening"])
def test_a_restart_keeps_what_is_known_of_looks(look_alikes: bool) -> None:
    """Traffic enough for local scaling, or for links that teach whitening, cut where half of it has come."""
    messages = convoy(80, look_alikes=look_alikes)
    first, stored = associator(), dict[str, bytes]()
    half = len(messages) // 2
    told = [event for message in messages[:half] for event in first.update(message)]
    stored = {key: value for key, value in first.changes().items() if value is not None}
    assert any(key.startswith("spread|") for key in stored) or look_alikes
    second = associator()
    second.restore(stored)
    told += play(second, messages[half:])
    assert [encode(event) for event in told] == [encode(event) for event in play(associator(), messages)]


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


def _moved(box: BoxAt) -> BoxAt:
    """A box half a frame further on."""
    return BoxAt(box.offset_us, box.left + 3190, box.top, box.right + 3190, box.bottom)


def test_a_vehicle_in_view_during_a_restart_stays_one() -> None:
    own, first, again = looks(1), CameraEpoch(1, 0), CameraEpoch(2, 0)
    broken, seen_again = tracklet("a", 1, own, 10, 20, closed=False), tracklet("a", 1, own, 15.5, 25.5, epoch=again)
    messages = [
        *broken,
        *[
            msgspec.structs.replace(m, path=[_moved(box) for box in m.path])
            for m in seen_again
            if isinstance(m, Observation)
        ],
        *[tick("a", at_s=second, sequence=second, epoch=again if second > 15 else first) for second in range(60)],
        tick("a", at_s=60, sequence=60, epoch=again, final=True),
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
    parked = tracklet("b", 99, looks(99), 1, 9000, closed=False)[:1]
    passing = [m for n in range(200) for m in tracklet("a", n + 1, looks(n), 20 + 10 * n, 22 + 10 * n)]
    machine = associator()
    events = play(machine, in_order([*parked, *passing, *ticks("abc", 2100, final=False)]))
    assert sum(event.kind is Kind.CLOSED for event in events) > 190
    assert machine.sizes["identity"] < 10


def test_state_is_bounded() -> None:
    """Twenty minutes of traffic, one vehicle every 4 s, leave no more behind than the memory holds."""
    machine = associator()
    largest = Counter[str]()
    for message in convoy(300):
        machine.update(message)
        machine.changes()
        largest.update({name: max(0, size - largest[name]) for name, size in machine.sizes.items()})
    assert largest["identity"] < 40
    assert largest["held"] < 40
    assert largest["tracklet"] < 3 * 600 / 4 + 80


def test_the_oldest_identities_make_room() -> None:
    narrow = msgspec.structs.replace(SETTINGS, max_identities=10, only_listed=False, max_travel_s=3600.0)
    machine = associator(narrow)
    messages = [m for n in range(60) for m in tracklet("a", n + 1, looks(n), 5 + 3 * n, 7 + 3 * n)]
    play(machine, in_order([*messages, *ticks("abc", 190, final=False)]))
    assert machine.sizes["identity"] <= 11


# What cannot be used


def test_foreign_and_broken_vectors_are_refused() -> None:
    machine = associator()
    assert "grl@1" in (machine.refuse(observation("a", encoder="grl@1")) or "")
    assert machine.refuse(observation("a")) is None
    play(machine, [observation("a"), *ticks("abc", 20, final=False)])
    assert "a vector of 8" in (machine.refuse(observation("a", dim=8, vector=None)) or "")
    assert "norm nan" in (machine.refuse(observation("a", vector=np.full(16, np.nan, np.float32))) or "")
    assert machine.refuse(tick("a")) is None


def test_times_go_up_along_a_journey() -> None:
    for event in play(associator(), convoy(15, look_alikes=True)):
        assert all(earlier.leave_ns <= later.enter_ns for earlier, later in pairwise(event.visits))


def test_the_default_settings_can_be_used() -> None:
    assert AssociateSettings().default_window is not None


def test_a_parked_vehicle_pins_nothing() -> None:
    """One that stands in view for an hour lets everything be forgotten that came before it and after it."""
    narrow = msgspec.structs.replace(SETTINGS, memory_s=60.0, only_listed=False, max_travel_s=60.0)
    parked = tracklet("b", 99, looks(99), 30, 9000, closed=False)[:1]
    passing = [m for n in range(120) for m in tracklet("a", n + 1, looks(n), 5 + 10 * n, 7 + 10 * n)]
    machine = associator(narrow)
    play(machine, in_order([*parked, *passing, *ticks("abc", 1300, final=False)]))
    assert machine.sizes["tracklet"] < 25
    assert machine.sizes["pair"] < 25


def test_the_vector_that_whitening_learns_from_is_there_from_the_beginning() -> None:
    """A tracklet whose camera dies is ended with what is known of it; only one of its vectors is whitened."""
    machine = associator()
    play(machine, convoy(80))
    for message in tracklet("a", 999, looks(3), 500, 505, closed=False):
        machine.update(message)
    (row,) = machine._memory.tracklets.open()
    whitened, centred = np.frombuffer(row.vector, np.float32), np.frombuffer(row.centred, np.float16)
    assert machine._memory.tracklets.whitening.rows
    assert not np.allclose(whitened, centred, atol=0.01)
    again = machine._memory.tracklets.whitening.whitened(centred.astype(np.float32), ENCODER)
    np.testing.assert_allclose(again, whitened, atol=0.01)


def test_state_of_a_later_version_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"rows of 'runes', .* corridor associate --rebuild FILE"):
        associator().restore({"runes|a": b""})


def test_an_identity_stays_as_long_as_one_of_its_vehicles_sightings_goes_on() -> None:
    """Views that overlap: who has parked before a, and was seen by b in passing, is still that vehicle in the end."""
    parked_s, gone_s = 180.0, 520.0
    rng = np.random.default_rng(0)
    messages: list[Message] = []
    enter_s = 0.0
    for number in range(12):
        enter_s += float(rng.uniform(4, 14))
        leave_s = enter_s + float(rng.uniform(5, 30))
        messages += tracklet("a", number, looks(number), enter_s, leave_s)
        messages += tracklet("b", number, looks(number), enter_s + 2, enter_s + 6)
    messages += tracklet("a", 90, looks(90), parked_s, gone_s)
    messages += tracklet("b", 90, looks(90), parked_s + 2, parked_s + 6)
    flat = AssociateSettings(zone="z", max_travel_s=60)
    events = play(associator(flat, ("a", "b")), in_order([*messages, *ticks("ab", gone_s + 20)]))
    assert ["a 90", "b 90"] in journeys(events).values()
    (closed,) = [e for e in events if e.kind is Kind.CLOSED and any("a|1.0|90" in v.observation for v in e.visits)]
    assert len(closed.visits) == 2
    assert closed.at_ns > gone_s * NS
