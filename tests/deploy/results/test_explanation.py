"""The explanation of an identity from its events."""

import msgspec
import pytest

from associate.trajectory import Evidence, Kind, TrajectoryEvent
from deploy.results.explanation import explain
from tests.associate.samples import event

LINK = event()


def changed(**changes: object) -> TrajectoryEvent:
    return msgspec.structs.replace(LINK, **changes)


def test_each_sighting_has_its_last_evidence() -> None:
    first = changed(
        kind=Kind.CONFIRMED,
        observation=LINK.visits[0].observation,
        visits=LINK.visits[:1],
        evidence=Evidence(probability=0.9),
    )
    settled = changed(settled=True, evidence=Evidence(probability=0.8, similarity=0.5, appearance=2.0))
    found = explain([first, LINK, settled, changed(kind=Kind.CLOSED, observation=None, evidence=None)], "z-1")
    assert found is not None
    assert [(step.visit.camera, step.linked, step.settled) for step in found.steps] == [
        ("a", False, False),
        ("b", True, True),
    ]
    assert found.steps[1].evidence == settled.evidence


def test_what_would_be_left_without_a_term() -> None:
    even = changed(evidence=Evidence(probability=0.5, similarity=0.5, appearance=0.0, travel_time=2.0))
    found = explain([even], "z-1")
    assert found is not None
    step = found.steps[1]
    assert step.without("appearance") == pytest.approx(0.5)
    assert step.without("travel_time") == pytest.approx(0.119, abs=0.001)
    assert step.without("position") is None
    assert found.steps[0].without("appearance") is None


def test_a_link_without_terms_was_joined() -> None:
    first = changed(kind=Kind.CONFIRMED, observation=LINK.visits[0].observation, evidence=Evidence(probability=0.9))
    found = explain([first, changed(evidence=Evidence(probability=0.9, similarity=0.6))], "z-1")
    assert found is not None
    assert [step.joined for step in found.steps] == [False, True]
    whole = explain([LINK], "z-1")
    assert whole is not None
    assert not whole.steps[1].joined


def test_what_was_taken_away_is_said_with_whose_it_is_now() -> None:
    taken = changed(kind=Kind.SPLIT, visits=LINK.visits[:1], superseded_by="z-2", evidence=None)
    found = explain([LINK, taken], "z-1")
    assert found is not None
    assert found.lost == {LINK.visits[1].observation: "z-2"}
    assert [step.visit.camera for step in found.steps] == ["a"]


def test_a_merged_identity_says_what_it_turned_out_to_be() -> None:
    found = explain([LINK, changed(kind=Kind.MERGED, superseded_by="z-9", evidence=None)], "z-1")
    assert found is not None
    assert found.merged_into == "z-9"


def test_an_identity_that_nobody_knows() -> None:
    assert explain([LINK], "z-7") is None
