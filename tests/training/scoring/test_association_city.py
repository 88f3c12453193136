"""The bench of association on city logs: what it moves in time, and what it takes for known when."""

import math
from importlib import import_module
from itertools import islice

import pytest

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit
from embed.observation import CameraEpoch, Message, Observation, Tick, decode, encode
from ingest.clock import NS
from tests.bench.association_city.ablation import PARTS, unknown_settings, without
from tests.bench.association_city.cities import CITIES, Draw
from tests.bench.association_city.logs import later, moved
from tests.bench.association_city.score import Bounds, last_statements
from tests.bench.association_scale.stream import DAY_NS, UNKNOWN, Arrival, Site, arrivals
from tests.embed.samples import observation, tick

SITE = Site(cameras=4, vehicles_per_s=1.0, dim=16)


def stated(tracklet: str, at_s: float, probability: float, *, kind: Kind = Kind.CONFIRMED) -> TrajectoryEvent:
    seen = f"{tracklet}|0"
    return TrajectoryEvent(
        id=f"{tracklet}-{at_s}",
        zone="z",
        kind=kind,
        identity=tracklet,
        revision=1,
        at_ns=round(at_s * NS),
        decided_by=seen,
        label="vehicle",
        visits=[Visit(camera="a", observation=seen, enter_ns=0, leave_ns=0)],
        observation=seen,
        evidence=Evidence(probability=probability),
    )


def test_the_last_statement_by_then_counts() -> None:
    events = [stated("a|1.0|1", 10, 0.5), stated("a|1.0|2", 11, 0.6), stated("a|1.0|1", 18, 0.9)]
    known = last_statements(events, {"a|1.0|1": 0, "a|1.0|2": 1}, {0: 9 * NS, 1: 9 * NS})
    probabilities = {at: {it.tracklet: it.probability for it in of} for at, of in known.items()}
    assert probabilities == {
        0.0: {},
        2.0: {0: 0.5, 1: 0.6},
        5.0: {0: 0.5, 1: 0.6},
        15.0: {0: 0.9, 1: 0.6},
        60.0: {0: 0.9, 1: 0.6},
        math.inf: {0: 0.9, 1: 0.6},
    }


def test_the_share_of_the_way_is_between_the_bounds() -> None:
    bounds = Bounds(0.4, 0.9)
    assert [bounds.share(idf1) for idf1 in (0.4, 0.65, 0.9)] == pytest.approx([0, 0.5, 1])


def test_what_comes_later_is_the_same_but_for_time_and_epoch() -> None:
    before: list[Message] = [observation("a", 3, at_s=5), tick("a", at_s=6, sequence=6)]
    after = list(later(before, 100 * NS, 2))
    assert [decode(encode(each)) for each in after] == after
    assert {each.epoch.generation for each in after} == {2}
    seen, ticked = after
    assert isinstance(seen, Observation)
    assert isinstance(ticked, Tick)
    assert seen.id.startswith(f"a|{CameraEpoch(2, 0)}|3|")
    assert [each.at_ns for each in after] == [105 * NS, 106 * NS]
    assert moved(moved(before[0], 7), -7) == before[0]


def test_every_city_and_seed_has_vehicles_and_a_log_of_its_own() -> None:
    draws = [
        Draw(city, seed, learning) for city in CITIES.values() for seed in (11, 9001) for learning in (False, True)
    ]
    assert len({draw.fleet_seed for draw in draws}) == len(draws)


def test_settings_that_association_lacks_are_named() -> None:
    assert unknown_settings({"zone": "z", "nothing_like_it": 1}) == ["nothing_like_it"]


class TestStream:
    def test_is_the_same_each_time_and_in_order_of_arrival(self) -> None:
        one, other = (list(arrivals(SITE, 20.0)) for _ in range(2))
        assert one == other
        assert [it.appended_ns for it in one] == sorted(it.appended_ns for it in one)
        assert all(decode(encode(it.message)) == it.message for it in islice(one, 200))

    def test_oddities_leave_the_others_alone(self) -> None:
        odd = SITE.odd()

        def others(site: Site) -> list[Arrival]:
            strange = {UNKNOWN, SITE.names[-1], SITE.names[0]}
            return [it for it in arrivals(site, 30.0) if it.message.camera not in strange]

        calm, disturbed = others(SITE), others(odd)
        assert {it.message.id for it in disturbed} <= {it.message.id for it in calm}
        assert len(disturbed) >= 0.9 * len(calm)
        ahead = [it for it in arrivals(odd, 30.0) if it.message.camera == SITE.names[-1]]
        assert ahead
        assert all(it.message.at_ns > it.appended_ns + 0.9 * DAY_NS for it in ahead)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_left_out_until_the_end_of_the_block(part: str) -> None:
    def constants() -> list[object]:
        names = (name.partition(".") for name in PARTS[part])
        return [getattr(import_module(f"associate.links.{module}"), constant) for module, _, constant in names]

    before = constants()
    with without(part):
        assert constants() == list(PARTS[part].values())
        assert constants() != before
    assert constants() == before
