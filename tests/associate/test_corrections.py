"""Corrections: what somebody says of two tracklets binds, and is taken back as little as anything else."""

from typing import Literal

import pytest

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import Kind, TrajectoryEvent
from embed.observation import CameraChange, Correction, Message, order_key
from ingest.clock import NS
from tests.associate.samples import looks, play, ticks, tracklet


def correction(at_s: float, verdict: Literal["same", "different"], one: str, other: str) -> Correction:
    return Correction(
        id=f"correction|{at_s}", at_ns=round(at_s * NS), verdict=verdict, tracklets=(one, other), by="somebody"
    )


def members(events: list[TrajectoryEvent]) -> list[list[str]]:
    """The tracklets of each identity that was closed."""
    closed = [event for event in events if event.kind is Kind.CLOSED]
    return sorted([visit.observation.rpartition("|")[0] for visit in event.visits] for event in closed)


def passage(other: int) -> list[Message]:
    """A vehicle in a, and one in b, of the looks of another number."""
    vehicle = [*tracklet("a", 1, looks(1), 10, 12), *tracklet("b", 1, looks(other), 20, 22)]
    return sorted([*vehicle, *ticks("abc", 90)], key=order_key)


@pytest.mark.parametrize("at_s", [23.0, 30.0, 60.0], ids=["at once", "within the lag", "after it was settled"])
@pytest.mark.parametrize(
    ("looked", "verdict", "expected"),
    [
        (7, "same", [["a|1.0|1", "b|1.0|1"]]),
        (1, "different", [["a|1.0|1"], ["b|1.0|1"]]),
        (1, "same", [["a|1.0|1", "b|1.0|1"]]),
        (7, "different", [["a|1.0|1"], ["b|1.0|1"]]),
    ],
)
def test_a_correction_binds(
    at_s: float, looked: int, verdict: Literal["same", "different"], expected: list[list[str]]
) -> None:
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    messages = passage(looked)
    said = correction(at_s, verdict, "a|1.0|1", "b|1.0|1")
    place = next(n for n, message in enumerate(messages) if message.at_ns > said.at_ns)
    events = [event for message in [*messages[:place], said, *messages[place:]] for event in machine.update(message)]
    assert members(events) == expected
    assert machine.counts["heeded"] == 1


def test_one_about_what_is_forgotten_is_counted() -> None:
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    play(machine, passage(1)[:30])
    machine.update(correction(5.0, "same", "a|1.0|1", "b|1.0|99"))
    play(machine, passage(1)[30:])
    assert machine.counts["came_too_late"] == 1


def test_a_chain_is_cut_at_its_weakest_link() -> None:
    chain = [*tracklet("a", 1, looks(1), 10, 12), *tracklet("b", 1, looks(1), 20, 22)]
    chain += tracklet("c", 1, looks(1), 30, 32)
    messages: list[Message] = sorted([*chain, *ticks("abc", 120)], key=order_key)
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    said = correction(60.0, "different", "a|1.0|1", "c|1.0|1")
    events = [event for message in messages if message.at_ns <= said.at_ns for event in machine.update(message)]
    events += machine.update(said)
    events += [event for message in messages if message.at_ns > said.at_ns for event in machine.update(message)]
    found = members(events)
    assert len(found) == 2
    assert not any({"a|1.0|1", "c|1.0|1"} <= set(names) for names in found)


def test_a_camera_that_was_moved_is_learned_anew() -> None:
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    play(machine, passage(1)[:60])
    looks_before = machine.sizes["look"]
    moved = CameraChange(id="camera-change|1", at_ns=30 * NS, camera="a", change="moved", by="somebody")
    unknown = CameraChange(id="camera-change|2", at_ns=30 * NS, camera="x", change="moved", by="somebody")
    for each in (moved, unknown):
        machine.update(each)
    play(machine, passage(1)[60:])
    assert (machine.counts["heeded"], machine.counts["came_too_late"]) == (1, 1)
    assert looks_before >= machine.sizes["look"]


def test_what_follows_goes_along() -> None:
    """The second and the third of three sightings are one settled chain, which the first one is said to begin."""
    chain = [*tracklet("a", 1, looks(7), 10, 12), *tracklet("b", 1, looks(1), 20, 22)]
    chain += tracklet("c", 1, looks(1), 30, 32)
    messages: list[Message] = sorted([*chain, *ticks("abc", 120)], key=order_key)
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    said = correction(80.0, "same", "a|1.0|1", "b|1.0|1")
    place = next(n for n, message in enumerate(messages) if message.at_ns > said.at_ns)
    events = [event for message in [*messages[:place], said, *messages[place:]] for event in machine.update(message)]
    assert members(events)[-1] == ["a|1.0|1", "b|1.0|1", "c|1.0|1"]


def test_one_about_a_closed_identity_comes_too_late_and_harms_nobody() -> None:
    messages = passage(1)
    later = [message for message in ticks("abc", 500) if message.at_ns > 90 * NS]
    messages = sorted([*[m for m in messages if not getattr(m, "final", False)], *later], key=order_key)
    machine = Associator(AssociateSettings(zone="z"), cameras=("a", "b", "c"))
    said = correction(420.0, "different", "a|1.0|1", "b|1.0|1")
    place = next(n for n, message in enumerate(messages) if message.at_ns > said.at_ns)
    events = [event for message in [*messages[:place], said, *messages[place:]] for event in machine.update(message)]
    assert machine.counts["came_too_late"] == 1
    assert members(events) == [["a|1.0|1", "b|1.0|1"]]
