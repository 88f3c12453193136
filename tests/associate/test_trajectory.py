"""Events of association and their codec."""

import math
from pathlib import Path

import msgspec
import pytest

from associate.trajectory import decode, encode, event_id
from tests.associate.samples import event

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def test_event_round_trip() -> None:
    assert decode(encode(event())) == event()


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_events_decode(version: str) -> None:
    assert decode((GOLDEN / version / "event.json").read_bytes()) == event()


def test_the_present_event_is_golden() -> None:
    latest = GOLDEN / sorted(path.name for path in GOLDEN.iterdir())[-1]
    assert (latest / "event.json").read_bytes() == encode(event())


def test_event_ids_are_frozen() -> None:
    assert event_id("z", "b|1.0|1|2", 0) == event().id == "ea913067-573e-548a-a3ba-b17c798d6497"


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="not a trajectory event"):
        decode(b'{"id": 1}')


@pytest.mark.parametrize("field", ["probability", "similarity", "appearance", "travel_time", "travel_s", "margin"])
def test_an_event_has_no_number_that_json_cannot_say(field: str) -> None:
    evidence = event().evidence
    assert evidence is not None
    broken = msgspec.structs.replace(event(), evidence=msgspec.structs.replace(evidence, **{field: math.nan}))
    with pytest.raises(ValueError, match=f"{field} nan"):
        encode(broken)
