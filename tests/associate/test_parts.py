"""Topology, likelihoods, gallery, assignment, events."""

import math
from itertools import permutations
from pathlib import Path

import msgspec
import numpy as np
import pytest

from associate.gallery import ExactGallery, FaissGallery, Gallery, make_gallery
from associate.likelihood import Calibration, posterior, travel_ratio
from associate.matching import NEW, Candidate, assign
from associate.rows import Identity
from associate.settings import AssociateSettings, calibration, with_calibration
from associate.topology import Topology, Travel, Window
from associate.trajectory import decode, encode, event_id
from ingest.errors import ConfigError
from tests.associate.samples import event
from tests.embed.samples import unit

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


# Topology


def test_windows_of_pairs() -> None:
    topology = Topology([Travel(start="a", end="b", min_s=2, max_s=9, both_ways=True)], Window(0, 60))
    assert topology.window("a", "b") == topology.window("b", "a") == Window(2, 9)
    assert topology.window("a", "c") == Window(0, 60)
    assert topology.window("a", "a") is None
    assert topology.window("a", "a", interrupted=True) == Window(0, 10)
    assert topology.horizon_s == 60
    assert Topology([], None).window("a", "b") is None


@pytest.mark.parametrize(
    "travel",
    [
        [Travel(start="a", end="b", min_s=9, max_s=2)],
        [Travel(start="a", end="b", min_s=1, max_s=2), Travel(start="b", end="a", min_s=1, max_s=2, both_ways=True)],
    ],
)
def test_windows_that_make_no_sense(travel: list[Travel]) -> None:
    with pytest.raises(ConfigError, match="travel from"):
        Topology(travel, None)


# Likelihood


def test_terms() -> None:
    reading = Calibration(midpoint=0.6, slope=10)
    assert reading.ratio(0.6) == 0
    assert reading.ratio(0.7) == pytest.approx(1.0)
    assert reading.ratio(5.0) == 8.0
    assert travel_ratio(Window(5, 15), 100) == pytest.approx(np.log(10))


def test_posterior_sums_to_one_and_orders_as_the_ratios() -> None:
    shares = posterior([2.0, -1.0, 500.0, -500.0], 0.0)
    assert shares.sum() == pytest.approx(1)
    assert np.argsort(-shares).tolist() == [2, 0, 4, 1, 3]
    assert posterior([], 0.0).tolist() == [1.0]


def test_an_unknown_encoder_needs_its_calibration() -> None:
    with pytest.raises(ConfigError, match="similarity_midpoint"):
        calibration(AssociateSettings(), "grl@1234")
    told = AssociateSettings(similarity_midpoint=0.4, similarity_slope=9)
    assert calibration(told, "grl@1234") == Calibration(0.4, 9)
    assert calibration(AssociateSettings(similarity_slope=3), "colour@1").slope == 3
    brought = with_calibration(AssociateSettings(similarity_slope=3), Calibration(0.4, 9))
    assert calibration(brought, "grl@1234") == Calibration(0.4, 3), "what the settings say comes first"


# Gallery: one contract, two implementations


@pytest.fixture(params=["exact", "faiss"])
def gallery(request: pytest.FixtureRequest) -> Gallery:
    return make_gallery(request.param)


def test_the_nearest_come_first(gallery: Gallery) -> None:
    assert gallery.nearest(unit(1)[None], 3) == [[]]
    for number in range(100):
        gallery.put(f"k{number}", unit(number))
    (found,) = gallery.nearest(unit(42)[None], 5)
    assert found[0][0] == "k42"
    assert found[0][1] == pytest.approx(1.0)
    assert [similarity for _, similarity in found] == sorted((s for _, s in found), reverse=True)
    assert len(found) == 5
    gallery.drop("k42")
    gallery.drop("not there")
    assert "k42" not in [key for key, _ in gallery.nearest(unit(42)[None], 99)[0]]
    gallery.put("k1", unit(42))
    assert gallery.nearest(unit(42)[None], 1)[0][0][0] == "k1"
    assert len(gallery) == 99


def test_faiss_and_exact_agree() -> None:
    exact, faiss = ExactGallery(), FaissGallery()
    rng = np.random.default_rng(5)
    for number in rng.permutation(300):
        for each in (exact, faiss):
            each.put(f"k{number}", unit(int(number)))
            if number % 3 == 0:
                each.drop(f"k{number // 2}")
    queries = np.stack([unit(1000 + number) for number in range(20)])
    for left, right in zip(exact.nearest(queries, 10), faiss.nearest(queries, 10), strict=True):
        assert [key for key, _ in left] == [key for key, _ in right]
        assert np.allclose([s for _, s in left], [s for _, s in right], atol=1e-5)


def test_equal_ones_come_by_name(gallery: Gallery) -> None:
    for key in ("c", "a", "b"):
        gallery.put(key, unit(1))
    assert [key for key, _ in gallery.nearest(unit(1)[None], 2)[0]] == ["a", "b"]


# Assignment


def options(ratios: list[float | None]) -> list[Candidate]:
    return [
        Candidate(identity=f"i{column}", similarity=0, appearance=ratio, travel_time=0, travel_s=0)
        for column, ratio in enumerate(ratios)
        if ratio is not None
    ]


def total(choice: list[Candidate], new_ratio: float) -> float:
    return sum(new_ratio if it is NEW else it.ratio for it in choice)


@pytest.mark.parametrize("seed", range(30))
def test_assignment_is_the_best_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(0, 4))
    ratios = [[None if rng.random() < 0.3 else float(rng.normal(0, 3)) for _ in range(columns)] for _ in range(rows)]
    candidates = [options(row) for row in ratios]
    chosen = assign(candidates, new_ratio=0.5)
    taken = [it.identity for it in chosen if it is not NEW]
    assert len(taken) == len(set(taken))

    def score(row: int, column: int) -> float:
        ratio = ratios[row][column] if column < columns else None
        return 0.5 if ratio is None else ratio

    best = max(
        sum(score(row, column) for row, column in enumerate(order))
        for order in permutations(range(columns + rows), rows)
    )
    assert total(chosen, 0.5) == pytest.approx(best, abs=1e-6)


def test_nothing_to_assign() -> None:
    assert assign([], 0.0) == []
    assert assign([[], []], 0.0) == [NEW, NEW]


# Events


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


# Numbers that are none


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gallery_refuses_what_would_be_near_to_everything(value: float) -> None:
    vector = unit(1)
    vector[3] = value
    gallery = ExactGallery()
    with pytest.raises(ValueError, match="'x'"):
        gallery.put("x", vector)
    assert len(gallery) == 0


@pytest.mark.parametrize("field", ["probability", "similarity", "appearance", "travel_time", "travel_s", "margin"])
def test_an_event_has_no_number_that_json_cannot_say(field: str) -> None:
    evidence = event().evidence
    assert evidence is not None
    broken = msgspec.structs.replace(event(), evidence=msgspec.structs.replace(evidence, **{field: math.nan}))
    with pytest.raises(ValueError, match=f"{field} nan"):
        encode(broken)


@pytest.mark.parametrize("total", [[np.nan, 1.0], [np.inf, 1.0], [0.0, 0.0], [3e38, 3e38]])
def test_an_identity_whose_vector_has_no_direction_is_compared_with_nothing(total: list[float]) -> None:
    identity = Identity(id="z-1", visits=[], last_epoch=None, vector=np.array(total, np.float32).tobytes(), labels={})
    assert identity.feature is None
