"""Travel times by hour, from events."""

import msgspec
import pytest

from associate.trajectory import Kind, TrajectoryEvent, Visit
from deploy.results.hourly_travel import hourly_travel
from ingest.clock import NS
from tests.associate.samples import event


def linked(
    leave_s: float, travel_s: float, *, probability: float = 1.0, end: str = "b", **fields: object
) -> TrajectoryEvent:
    """A settled link from a to another camera, each of another sighting."""
    sighting = f"{end}|1.0|{leave_s}|2"
    visits = [
        Visit(camera="a", observation="a|1.0|1|2", enter_ns=round((leave_s - 3) * NS), leave_ns=round(leave_s * NS)),
        Visit(
            camera=end,
            observation=sighting,
            enter_ns=round((leave_s + travel_s) * NS),
            leave_ns=round((leave_s + travel_s + 4) * NS),
        ),
    ]
    said = event()
    assert said.evidence is not None
    evidence = msgspec.structs.replace(said.evidence, probability=probability)
    told = msgspec.structs.replace(said, visits=visits, observation=sighting, evidence=evidence, settled=True)
    return msgspec.structs.replace(told, **fields)


def test_each_hour_has_its_own_times_over_all_days() -> None:
    night = [linked(day * 86_400 + 2 * 3600 + n, 10.0 + n) for day in (0, 1) for n in range(3)]
    morning = [linked(8 * 3600 + n, 30.0 + n) for n in range(3)]
    found = hourly_travel([*morning, *night], 3)
    assert [(each.start, each.end, each.hour, each.links) for each in found] == [("a", "b", 2, 6.0), ("a", "b", 8, 3.0)]
    assert [each.median_s for each in found] == [pytest.approx(11.0), pytest.approx(31.0)]


def test_a_link_counts_by_its_probability() -> None:
    (found,) = hourly_travel([linked(1, 10.0, probability=0.9), linked(2, 20.0, probability=0.2)], 1)
    assert found.links == pytest.approx(1.1)
    assert found.median_s < 14


@pytest.mark.parametrize(
    "said",
    {
        "may be revised": linked(0, 5.0, settled=False),
        "the first sighting": linked(0, 5.0, kind=Kind.CONFIRMED),
        "closed": linked(0, 5.0, kind=Kind.CLOSED, observation=None),
        "a fragment of one stay": linked(0, 5.0, end="a"),
        "beyond the last hundred": linked(0, 5.0, observation="c|1.0|1|2"),
    }.values(),
)
def test_what_is_no_settled_link_between_cameras(said: TrajectoryEvent) -> None:
    assert hourly_travel([said], 0) == []


def test_of_a_sighting_that_settled_twice_the_last_counts() -> None:
    before, after = linked(1, 10.0), linked(1, 20.0)
    (found,) = hourly_travel([before, linked(2, 12.0), after], 1)
    assert found.links == 2
    assert sorted([found.p15_s, found.p85_s]) == [pytest.approx(12.0), pytest.approx(20.0)]
