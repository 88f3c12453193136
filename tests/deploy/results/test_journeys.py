"""Events folded into journeys."""

import msgspec

from associate.trajectory import Kind, TrajectoryEvent, Visit
from deploy.results.journeys import journeys_of
from ingest.clock import NS
from tests.associate.samples import event


def said(identity: str, camera: str, kind: Kind, *before: str, **fields: object) -> TrajectoryEvent:
    """An event about the sighting of a camera, after those of others."""
    visits = [
        Visit(camera=each, observation=f"{each}|1.0|1|2", enter_ns=second * NS, leave_ns=(second + 3) * NS)
        for second, each in enumerate((*before, camera))
    ]
    told = msgspec.structs.replace(event(), identity=identity, kind=kind, visits=visits)
    return msgspec.structs.replace(told, observation=f"{camera}|1.0|1|2", **fields)


def test_sightings_of_an_identity_that_turned_out_to_be_another_one_are_of_that_one() -> None:
    journeys = journeys_of(
        [
            said("z-1", "a", Kind.CONFIRMED),
            said("z-2", "b", Kind.CONFIRMED),
            said("z-2", "c", Kind.EXTENDED, "b"),
            said("z-2", "b", Kind.MERGED, superseded_by="z-1"),
            said("z-1", "b", Kind.EXTENDED, "a"),
        ]
    )
    assert journeys.identity_of == {f"{camera}|1.0|1": "z-1" for camera in "abc"}
    assert list(journeys.latest) == ["z-1"]


def test_a_sighting_that_moved_before_the_merge_stays_where_it_went() -> None:
    journeys = journeys_of(
        [
            said("z-2", "b", Kind.CONFIRMED),
            said("z-2", "c", Kind.EXTENDED, "b"),
            said("z-2", "c", Kind.SPLIT, superseded_by="z-3"),
            said("z-3", "c", Kind.CONFIRMED),
            said("z-2", "b", Kind.MERGED, superseded_by="z-1"),
        ]
    )
    assert journeys.identity_of == {"b|1.0|1": "z-1", "c|1.0|1": "z-3"}
