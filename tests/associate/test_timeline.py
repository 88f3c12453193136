"""Whose event time can be true."""

import pytest

from associate.associator import Associator
from associate.settings import AssociateSettings
from embed.observation import CameraEpoch, Message, order_key
from ingest.clock import NS
from tests.associate.samples import convoy, looks, ticks, tracklet
from tests.embed.samples import tick

NOON_S = 1_790_000_000.0
"""A moment of 2026."""

DAY_S = 86_400.0


def zone() -> Associator:
    return Associator(AssociateSettings(zone="z"))


def say(machine: Associator, camera: str, at_s: float, appended_s: float | None, sequence: int = 0) -> str | None:
    """Refuse or take a tick."""
    message = tick(camera, at_s=at_s, sequence=sequence)
    appended_ns = None if appended_s is None else round(appended_s * NS)
    reason = machine.refuse(message, appended_ns)
    if reason is None:
        machine.update(message, appended_ns)
    return reason


@pytest.mark.parametrize(
    ("at_s", "appended_s", "reason"),
    [
        (NOON_S + 10, NOON_S + 11, None),
        (NOON_S + 100, NOON_S, None),  # clocks differ by minutes
        (NOON_S + 600, NOON_S, "clock of camera 'b' is 10 minutes ahead of the log's"),
        (NOON_S + DAY_S, NOON_S, "clock of camera 'b' is 24 hours ahead of the log's"),
        (NOON_S - 3 * 3600, NOON_S, None),  # it catches up after an outage
        (0.0, NOON_S, "clock of camera 'b' is 57 years behind the other cameras'"),
    ],
)
def test_beside_a_live_camera(at_s: float, appended_s: float, reason: str | None) -> None:
    machine = zone()
    assert say(machine, "a", NOON_S, NOON_S) is None
    said = say(machine, "b", at_s, appended_s)
    assert (said is None) == (reason is None), said
    assert (said or "").startswith(reason or "")


@pytest.mark.parametrize("start_s", [0.0, NOON_S - 30 * DAY_S, NOON_S + DAY_S])
def test_recordings_have_a_time_of_their_own(start_s: float) -> None:
    machine = zone()
    assert say(machine, "a", start_s, NOON_S) is None
    assert say(machine, "b", start_s + 200, NOON_S + 1) is None
    assert "ahead of the other cameras'" in (say(machine, "c", start_s + 2 * DAY_S, NOON_S + 2) or "")
    assert "behind the other cameras'" in (say(machine, "d", start_s - 3 * DAY_S, NOON_S + 2) or "")


def test_the_first_live_camera_sets_the_time() -> None:
    """A camera a day ahead spoke first; it is left out from then on, and nobody waits for it."""
    machine = zone()
    assert say(machine, "fast", NOON_S + DAY_S, NOON_S) is None
    assert say(machine, "a", NOON_S, NOON_S) is None
    assert machine.counts["left_behind"] == 1
    assert "clock of camera 'fast'" in (say(machine, "fast", NOON_S + DAY_S + 1, NOON_S + 1, 1) or "")


def test_without_append_times_cameras_are_compared_alone() -> None:
    machine = zone()
    assert say(machine, "a", 100.0, None) is None
    assert say(machine, "b", 160.0, None) is None
    assert say(machine, "c", 100.0 + 2 * DAY_S, None) is not None


def test_oddities_cost_nobody_else_anything() -> None:
    """A camera a day ahead, one from another century: the others hear the same."""

    def at(message: Message) -> int:
        return message.at_ns + 10**9

    plain = convoy(6)
    odd: list[Message] = [tick("fast", at_s=n + 2 * DAY_S, sequence=n) for n in range(1, 40)]
    odd += [tick("old", at_s=n - 40 * 365 * DAY_S, sequence=n) for n in range(1, 40)]
    expected, heard = zone(), zone()
    events = [expected.update(m, at(m)) for m in plain]
    told = []
    for number, message in enumerate(plain):
        if number < len(odd) and number > 2:
            reason = heard.refuse(odd[number], at(message))
            assert reason is not None
        assert heard.refuse(message, at(message)) is None
        told.append(heard.update(message, at(message)))
    assert told == events


def test_the_counter_tells_a_duplicate_from_the_last_words_of_a_session() -> None:
    """The last frame brings a tick, and then closes its tracklets at the same time."""
    opened, _, closed = tracklet("a", 1, looks(1), 1, 3)
    last = tick("a", at_s=closed.at_ns / NS, sequence=9)
    assert order_key(last) > order_key(closed)
    counted = [
        type(message)(**{**{f: getattr(message, f) for f in message.__struct_fields__}, "count": count})
        for count, message in enumerate([opened, last, closed], 1)
    ]
    machine = zone()
    for message in counted:
        machine.update(message)
    assert machine.counts["duplicate"] == 0
    machine.update(counted[1])
    assert machine.counts["duplicate"] == 1
    machine.update(tick("a", at_s=0.5, sequence=0, epoch=CameraEpoch(2, 0)))
    assert machine.counts["duplicate"] == 1


def test_a_camera_that_never_speaks_delays_nobody_twice() -> None:
    machine = Associator(AssociateSettings(zone="z", idle_after_s=10.0), cameras=("a", "b", "silent"))
    events = []
    for message in sorted([*tracklet("a", 1, looks(1), 1, 3), *ticks("ab", 60, final=False)], key=order_key):
        events += machine.update(message)
    assert [event.at_ns / NS for event in events][:1] == [pytest.approx(2.0)]
