"""Streams drawn at random, with corrections: whatever is joined, nothing is lost, twice, or other after a restart."""

from typing import Literal

import msgspec
import numpy as np
import pytest

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import Kind, TrajectoryEvent
from embed.observation import Control, Correction, Message, Observation, TrackletState, order_key
from ingest.clock import NS
from tests.associate.samples import associator, ticks, tracklet
from tests.associate.test_joins import direction, latest
from training.scoring.decisions import read_decisions

VIEWS = {"a": (0.0, 8.0), "b": (2.0, 3.0), "c": (9.0, 4.0), "d": (4.0, 6.0)}
"""Moment of entering each view, and time in it, both in seconds: views overlap."""

Records = list[Message | Control]


def drawn(rng: np.random.Generator) -> Records:
    """Vehicles that some views miss, some of which stand for minutes or never end; and what people say of them."""
    messages: list[Message] = []
    enter_s = 5.0
    for number in range(40):
        enter_s += float(rng.uniform(0.5, 5))
        looks, noise = direction(rng), float(rng.uniform(0.2, 1.2))
        for camera, (after_s, lasts_s) in VIEWS.items():
            if rng.random() < 0.2:
                continue
            vector = looks + np.float32(noise) * direction(rng)
            begin_s = enter_s + after_s + float(rng.uniform(-0.5, 0.5))
            stays_s = lasts_s * float(rng.uniform(0.5, 2)) if rng.random() > 0.03 else 150.0
            unit = np.asarray(vector / np.linalg.norm(vector), np.float32)
            closed = bool(rng.random() > 0.02)
            messages += tracklet(camera, number + 1, unit, begin_s, begin_s + stays_s, closed=closed)
    records: Records = sorted([*messages, *ticks("abcd", enter_s + 220)], key=order_key)
    known = [each.tracklet for each in messages if isinstance(each, Observation) and each.state is TrackletState.CLOSED]
    for place in range(4):
        one, other = rng.choice(known, 2, replace=False).tolist()
        at_ns = int(rng.uniform(30, enter_s + 60) * NS)
        verdict: Literal["same", "different"] = "same" if rng.random() < 0.5 else "different"
        said = Correction(
            id=f"correction|{at_ns}|{place}", at_ns=at_ns, verdict=verdict, tracklets=(one, other), by="test"
        )
        records.insert(next(n for n, each in enumerate(records) if each.at_ns > at_ns), said)
    return records


def told(machine: Associator, records: Records) -> list[TrajectoryEvent]:
    return [event for record in records for event in machine.update(record)]


@pytest.mark.parametrize(("seed", "lag_s", "dial"), [(19, 0.5, 0.8), (15, 2.0, 0.6), (27, 0.5, 0.3), (21, 15.0, 0.6)])
def test_whatever_is_joined(seed: int, lag_s: float, dial: float) -> None:
    records = drawn(np.random.default_rng(seed))
    settings = AssociateSettings(zone="z", lag_s=lag_s, min_probability=dial)
    events = told(associator(settings, tuple(VIEWS)), records)
    # Step 1: every complete sighting is of one identity, and settled identities did become one
    sightings = [visit.observation for event in latest(events) for visit in event.visits]
    ended = {it.id for it in records if isinstance(it, Observation) and it.state is TrackletState.CLOSED}
    assert len(sightings) == len(set(sightings))
    assert ended <= set(sightings)
    assert any(event.kind is Kind.MERGED and event.settled for event in events)
    # Step 2: whoever reads one event after the other comes to the same
    numbers = {each.rpartition("|")[0]: place for place, each in enumerate(sightings)}
    known = read_decisions(events, numbers).identities()
    for event in latest(events):
        assert len({known[numbers[visit.tracklet]] for visit in event.visits}) <= 1
    # Step 3: a restart changes nothing
    first, second, cut = associator(settings, tuple(VIEWS)), associator(settings, tuple(VIEWS)), len(records) // 2
    begun = told(first, records[:cut])
    second.restore({key: row for key, row in first.changes().items() if row is not None})
    again = begun + told(second, records[cut:])
    assert [msgspec.json.encode(event) for event in again] == [msgspec.json.encode(event) for event in events]
