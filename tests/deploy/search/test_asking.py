"""Asking: vehicles come back by identity, with a probability; what cannot be asked is one line."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from associate.sightings.sighting import Filter, Sighting
from deploy.search.asking import Query, identity_query, search, sighting_query
from deploy.search.index.reader import SightingsIndex
from embed.observation import pack_vector
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.deploy.search.samples import ENCODER, filled, sighting

CAMERAS = ("north", "middle", "south")
DIM = 64
VEHICLES = 60


def vehicle_vector(number: int, view: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A vehicle's look with some noise of the view, and what the camera adds to everything."""
    own = np.random.default_rng(number).standard_normal(DIM)
    noise = 0.5 * np.random.default_rng((number, view)).standard_normal(DIM)
    vector = own + noise + 2 * np.random.default_rng(1000 + view).standard_normal(DIM)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def traffic(*, linked: bool = True) -> list[Sighting]:
    """Vehicles that pass three cameras, 30 s from one to the next."""
    return [
        msgspec.structs.replace(
            sighting(number, camera=camera, identity=f"z-{number}" if linked else None),
            vector=pack_vector(vehicle_vector(number, view)),
            first_ns=(10 * number + 30 * view) * NS,
            last_ns=(10 * number + 30 * view + 3) * NS,
        )
        for view, camera in enumerate(CAMERAS)
        for number in range(VEHICLES)
    ]


@pytest.fixture
def index(tmp_path: Path) -> SightingsIndex:
    filled(tmp_path, traffic()).close()
    return SightingsIndex(tmp_path / "index")


def test_a_sighting_finds_its_vehicle_s_others_first_and_not_itself(index: SightingsIndex) -> None:
    results = search(index, sighting_query(index, "north|1.0|7|3"))
    best = results.vehicles[0]
    assert (best.identity, best.asked, results.searched, results.exact) == ("z-7", True, 3 * VEHICLES, True)
    assert [each.sighting.camera for each in best.sightings] in (["middle", "south"], ["south", "middle"])
    assert best.probability > 0.8
    assert best.probability > results.vehicles[1].probability + 0.5
    assert len(results.vehicles) == 10


def test_an_identity_finds_what_association_has_missed(tmp_path: Path) -> None:
    missed = "south|1.0|7"
    some = [each if each.tracklet != missed else msgspec.structs.replace(each, identity="z-99") for each in traffic()]
    filled(tmp_path, some).close()
    with closing(SightingsIndex(tmp_path / "index")) as index:
        results = search(index, identity_query(index, "z-7"))
        assert (results.vehicles[0].identity, results.vehicles[0].asked) == ("z-99", False)
        assert "z-7" not in [each.identity for each in results.vehicles]


def test_an_image_without_a_time_is_less_sure_and_finds_the_same(index: SightingsIndex) -> None:
    known = sighting_query(index, "north|1.0|7")
    unknown = Query(vectors=known.vectors, encoder=ENCODER)
    sure, unsure = search(index, known), search(index, replace(unknown, wanted=Filter(cameras=("middle", "south"))))
    assert unsure.vehicles[0].identity == "z-7"
    assert unsure.vehicles[0].probability < sure.vehicles[0].probability


def test_filters_and_limits_hold_and_what_is_below_is_counted(index: SightingsIndex) -> None:
    query = replace(sighting_query(index, "north|1.0|7"), wanted=Filter(cameras=("south",)), min_probability=0.5)
    results = search(index, query)
    assert [each.identity for each in results.vehicles] == ["z-7"]
    assert results.searched == VEHICLES
    assert results.below == VEHICLES - 1


def test_re_ranking_changes_the_order_and_keeps_the_values(index: SightingsIndex) -> None:
    query = sighting_query(index, "north|1.0|7")
    plain, other = (search(index, replace(query, rerank=rerank, top=400)) for rerank in (False, True))
    values = [sorted(each.similarity for v in found.vehicles for each in v.sightings) for found in (plain, other)]
    assert values[0] == values[1]
    assert other.vehicles[0].identity == "z-7"


def test_what_is_near_in_time_is_found_among_many_that_are_more_alike(tmp_path: Path) -> None:
    asked = traffic()[7]
    alike = [
        msgspec.structs.replace(
            sighting(1000 + number, camera="south"),
            vector=asked.vector,
            first_ns=10**15 + number,
            last_ns=10**15 + number,
        )
        for number in range(500)
    ]
    filled(tmp_path, [*traffic(), *alike]).close()
    with closing(SightingsIndex(tmp_path / "index")) as index:
        found = search(index, replace(sighting_query(index, asked.tracklet), top=1000)).vehicles
        assert "z-7" in [each.identity for each in found]
        before = next(each.probability for each in found if each.identity == "z-7")
        assert before > max(each.probability for each in found if each.identity is None)


def test_a_vehicle_that_was_elsewhere_at_the_time_is_hardly_the_one(tmp_path: Path) -> None:
    twin = "z-500"

    def found(folder: Path, elsewhere: str | None) -> dict[str, float]:
        """Probabilities of vehicle 7 and of its twin before the next camera; the twin was before the last one, too."""
        alike = msgspec.structs.replace(traffic()[VEHICLES + 7], tracklet="middle|1.0|500", identity=twin)
        meanwhile = msgspec.structs.replace(
            traffic()[2 * VEHICLES + 3], tracklet="south|1.0|500", identity=elsewhere, first_ns=71 * NS, last_ns=74 * NS
        )
        unlinked = [
            each if each.tracklet != "middle|1.0|7" else msgspec.structs.replace(each, identity="z-7b")
            for each in traffic()
            if each.tracklet != "south|1.0|7"
        ]
        filled(folder, [*unlinked, alike, meanwhile]).close()
        with closing(SightingsIndex(folder / "index")) as index:
            vehicles = search(index, replace(sighting_query(index, "north|1.0|7"), top=1000)).vehicles
            return {each.identity: each.probability for each in vehicles if each.identity is not None}

    before, after = found(tmp_path / "a", None), found(tmp_path / "b", twin)
    assert before[twin] == pytest.approx(before["z-7b"], abs=0.02), "they look the same and came at the same time"
    assert after[twin] < 0.3 * before[twin]
    assert after["z-7b"] > before["z-7b"] + 0.2


def test_what_was_linked_is_found_however_it_looks(tmp_path: Path) -> None:
    linked = traffic()[VEHICLES + 7]
    repainted = msgspec.structs.replace(traffic()[2 * VEHICLES + 7], vector=pack_vector(-vehicle_vector(7, 2)))
    others = [
        msgspec.structs.replace(
            sighting(1000 + number, camera="south"), vector=linked.vector, first_ns=200 * NS + number, last_ns=201 * NS
        )
        for number in range(500)
    ]
    usual = [each for each in traffic() if each.tracklet != repainted.tracklet]
    filled(tmp_path, [*usual, repainted, *others]).close()
    with closing(SightingsIndex(tmp_path / "index")) as index:
        query = replace(sighting_query(index, "north|1.0|7"), top=1000)
        found = search(index, query).vehicles
        itself = next(each for each in found if each.asked)
        assert {each.sighting.camera for each in itself.sightings} == {"middle", "south"}
        assert itself.sightings[1].probability > 0.1, "although it looks like nobody"
        some = search(index, replace(query, wanted=Filter(until_ns=120 * NS))).vehicles
        until = next(each for each in some if each.asked)
        assert {each.sighting.camera for each in until.sightings} == {"middle"}, "filters hold for it as well"


def test_sightings_without_identity_are_vehicles_of_their_own(tmp_path: Path) -> None:
    filled(tmp_path, traffic(linked=False)).close()
    with closing(SightingsIndex(tmp_path / "index")) as index:
        results = search(index, sighting_query(index, "north|1.0|7"))
        assert {each.identity for each in results.vehicles} == {None}
        assert {each.sightings[0].sighting.tracklet for each in results.vehicles[:2]} == {"middle|1.0|7", "south|1.0|7"}
        assert not any(each.asked for each in results.vehicles)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda index: sighting_query(index, "west|1.0|7"), "the index has no sighting 'west|1.0|7'"),
        (lambda index: identity_query(index, "z-1000"), "the index has no sighting of 'z-1000'"),
        (
            lambda index: search(index, replace(sighting_query(index, "north|1.0|7"), wanted=Filter(since_ns=10**18))),
            "no sighting is in that range",
        ),
        (
            lambda index: search(index, Query(np.ones((1, 8), np.float32), "foreign@9")),
            "no sighting in the index has a vector by 'foreign@9'",
        ),
    ],
    ids=["sighting", "identity", "range", "encoder"],
)
def test_what_is_not_there_is_one_line(index: SightingsIndex, ask: object, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ask(index)  # type: ignore[operator]
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    filled(tmp_path, []).close()
    with closing(SightingsIndex(tmp_path / "index")) as index, pytest.raises(ConfigError, match="it has none at all"):
        search(index, Query(np.ones((1, 8), np.float32), ENCODER))
