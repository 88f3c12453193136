"""Failures of association on a record: it is set aside alone, and a replay says the same."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from associate import associator as associator_module
from associate.identities import Identities
from associate.memory.tracklets import Tracklets
from associate.revision import Revision
from associate.trajectory import Kind, TrajectoryEvent, decode
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from embed.observation import Observation, encode
from embed.observation import decode as decode_message
from ingest.errors import LogError
from tests.associate.samples import convoy
from tests.deploy.site.poison import POISON, about_seen, poisoned, raising
from tests.deploy.site.test_association_worker import publish, values_of, worker
from tests.embed.samples import observation

SABOTAGE: dict[str, tuple[type, str, Callable[..., bool]]] = {
    "seen": (Tracklets, "see", about_seen),
    "closed": (Tracklets, "see", lambda _, seen: seen.label == POISON and seen.state == "closed"),
    "shown": (Identities, "show", lambda _, number, tracklet, *rest: tracklet.label == POISON),
    "shown ended": (
        Identities,
        "show",
        lambda _, number, tracklet, *rest: tracklet.label == POISON and tracklet.closed_ns is not None,
    ),
}


def linked_by_vehicle(log: SqliteLog) -> set[tuple[str, ...]]:
    """The complete sightings that ended up together."""
    closed = [event for event in map(decode, values_of(log)) if event.kind is Kind.CLOSED]
    return {tuple(visit.observation for visit in event.visits) for event in closed if event.visits}


@pytest.mark.parametrize("camera", ["a", "b"])
@pytest.mark.parametrize("stage", SABOTAGE)
def test_what_association_fails_on_is_set_aside_and_a_replay_says_the_same(
    tmp_path: Path, stage: str, camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, method, about = SABOTAGE[stage]
    monkeypatch.setattr(kind, method, raising(getattr(kind, method), about))
    messages = poisoned(camera)
    outcomes = []
    for batch in (500, 7):
        log = SqliteLog(tmp_path / f"{batch}.db")
        publish(log, messages)
        while worker(log, batch).step():  # a new owner for every batch, as after a crash
            pass
        outcomes.append([values_of(log, topic) for topic in (TRAJECTORIES, IDENTITIES, DEAD_LETTERS)])
    assert outcomes[0] == outcomes[1]
    letters = [json.loads(value) for value in values_of(log, DEAD_LETTERS)]
    assert letters
    for letter in letters:
        assert letter["reason"] == "association raised RuntimeError: cannot be done by <object object at 0x…>"
        about_it = decode_message(base64.b64decode(letter["record"]))
        assert isinstance(about_it, Observation)
        assert about_it.label == POISON
        assert log.read(OBSERVATIONS, letter["offset"] - 1, 1)[0].value == base64.b64decode(letter["record"])
    check_the_rest(tmp_path, log, camera)


def check_the_rest(folder: Path, log: SqliteLog, camera: str) -> None:
    """All the others are linked as if the poison had never been there, and nothing provisional is left of it."""
    monkey_free = SqliteLog(folder / "without.db")
    publish(monkey_free, [it for it in poisoned(camera) if getattr(it, "label", "") != POISON])
    worker(monkey_free).drain()
    gone = f"{camera}|1.0|3|"
    kept = {visits for visits in linked_by_vehicle(log) if not any(visit.startswith(gone) for visit in visits)}
    without = linked_by_vehicle(monkey_free)
    assert len([visits for visits in kept if len(visits) == 3]) == 3
    assert {visits for visits in kept if len(visits) == 3} <= without
    state = log.claim("zone/z").state
    assert not [key for key in state if key.startswith(("identity|", "held|"))]


def test_what_waits_in_the_state_can_be_set_aside_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was committed before anybody could know, and is at fault when the watermark reaches it."""
    log = SqliteLog(tmp_path / "log.db")
    bad = observation("a", 1, at_s=5, first_s=4, sequence=0, dim=256)
    publish(log, [bad])
    worker(log).drain()  # b and c have yet to speak: it is held
    assert not values_of(log, DEAD_LETTERS)
    monkeypatch.setattr(Tracklets, "see", raising(Tracklets.see, lambda _, seen: seen.id == bad.id))
    publish(log, [it for it in convoy(4) if it.camera != "a"], "others")
    publish(log, [observation("a", 2, at_s=80, first_s=79, sequence=0, dim=256)], "others")
    machine = worker(log)
    machine.drain()
    (letter,) = [json.loads(value) for value in values_of(log, DEAD_LETTERS)]
    assert (letter["offset"], letter["key"]) == (1, "a")
    assert base64.b64decode(letter["record"]) == encode(bad)
    assert machine.counts["dead_letters"] == 1
    assert machine.counts["records"] == log.end(OBSERVATIONS) - 1


def test_where_nothing_can_be_blamed_the_record_itself_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every record is tried, and association stands at the end of the log, not at the first error."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("always")

    monkeypatch.setattr(Revision, "expire", fail)
    log = SqliteLog(tmp_path / "log.db")
    publish(log, convoy(2))
    machine = worker(log)
    machine.drain()
    assert machine.position == log.end(OBSERVATIONS)
    assert machine.counts["dead_letters"] == len(values_of(log, DEAD_LETTERS)) > 0


@pytest.mark.parametrize("error", [MemoryError(), LogError("the log is away")])
def test_errors_that_are_no_message_s_stop_the_worker(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[TrajectoryEvent]:
        raise error

    monkeypatch.setattr(associator_module, "decide", fail)
    log = SqliteLog(tmp_path / "log.db")
    publish(log, convoy(2))
    machine = worker(log)
    with pytest.raises(type(error)):
        machine.drain()
    monkeypatch.undo()
    again = worker(log)
    again.drain()
    assert not values_of(log, DEAD_LETTERS)
    assert linked_by_vehicle(log)
