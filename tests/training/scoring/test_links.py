"""Links against values worked out by hand."""

import math

import pytest
from scipy.stats import binomtest

from tests.training.scoring.scenes import Row, camera, rows
from training.scoring.links import LinkScores, Proportion, score_links, wilson
from training.scoring.tracks import CameraTracks

ALL = range(1, 11)


def road(*cameras: tuple[list[Row], list[Row]]) -> list[CameraTracks]:
    """Cameras a minute apart: what was there, and the run's tracklets."""
    return [camera(truth, run, name="abc"[place], begins_s=60.0 * place) for place, (truth, run) in enumerate(cameras)]


def counts(scores: LinkScores) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], int, int]:
    shares = [(share.hits, share.trials) for share in (scores.precision, scores.recall, scores.recall_in_view)]
    return (shares[0], shares[1], shares[2], scores.skipping, scores.strays)


def two_vehicles(first: int, second: int) -> tuple[list[Row], list[Row]]:
    """Vehicles 1 and 2 side by side, and a tracklet of each."""
    return rows(1, ALL) + rows(2, ALL, left=300), rows(first, ALL) + rows(second, ALL, left=300)


# Tracklets 11, 12 in a, 21, 22 in b, 31, 32 in c follow vehicles 1, 2: their identities, then
# precision, recall, recall in view (hits, trials), skipping, strays.
IDENTITIES: dict[str, tuple[dict[int, int], tuple[object, ...]]] = {
    "all right": ({11: 1, 21: 1, 31: 1, 12: 2, 22: 2, 32: 2}, ((4, 4), (4, 4), (4, 4), 0, 0)),
    "nothing linked": ({}, ((0, 0), (0, 4), (0, 4), 0, 0)),
    "each on its own": ({11: 1, 21: 2, 31: 3, 12: 4, 22: 5, 32: 6}, ((0, 0), (0, 4), (0, 4), 0, 0)),
    "swapped in the middle": ({11: 1, 22: 1, 31: 1, 12: 2, 21: 2, 32: 2}, ((0, 4), (0, 4), (0, 4), 0, 0)),
    "swapped at the end": ({11: 1, 21: 1, 32: 1, 12: 2, 22: 2, 31: 2}, ((2, 4), (2, 4), (2, 4), 0, 0)),
    "one skips the middle": ({11: 1, 31: 1, 12: 2, 22: 2, 32: 2}, ((3, 3), (2, 4), (2, 4), 1, 0)),
    # Of sightings that begin together the smaller id comes first: the links are 12 to 21 and 22 to 31.
    "all one identity": ({11: 1, 21: 1, 31: 1, 12: 1, 22: 1, 32: 1}, ((0, 2), (0, 4), (0, 4), 0, 0)),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_links_of_two_vehicles_past_three_cameras(name: str) -> None:
    identity_of, expected = IDENTITIES[name]
    cameras = road(two_vehicles(11, 12), two_vehicles(21, 22), two_vehicles(31, 32))
    assert counts(score_links(cameras, identity_of)) == expected
    assert counts(score_links(cameras[::-1], identity_of)) == expected


def test_a_vehicle_that_is_not_found_costs_recall_but_not_association() -> None:
    cameras = road((rows(1, ALL), rows(11, ALL)), (rows(1, ALL), []), (rows(1, ALL), rows(31, ALL)))
    assert counts(score_links(cameras, {11: 1, 31: 1})) == ((1, 1), (0, 2), (0, 0), 1, 0)


@pytest.mark.parametrize(
    ("on_vehicle", "follows"),
    [(10, True), (6, True), (5, False), (0, False)],
)
def test_a_tracklet_follows_who_has_more_than_half_of_its_boxes(on_vehicle: int, follows: bool) -> None:
    astray = rows(21, range(on_vehicle + 1, 11), left=700)
    cameras = road((rows(1, ALL), rows(11, ALL)), (rows(1, ALL), rows(21, range(1, on_vehicle + 1)) + astray))
    found = int(follows)
    assert counts(score_links(cameras, {11: 1, 21: 1})) == ((found, 1), (found, 1), (found, found), 0, 1 - found)


@pytest.mark.parametrize(("left", "strays"), [(30, 0), (40, 1)])
def test_boxes_stand_for_a_vehicle_from_half_overlap_on(left: float, strays: int) -> None:
    """IoU 70 / 130 = .54 and 60 / 140 = .43."""
    scores = score_links(road((rows(1, ALL), rows(11, ALL, left=left))), {})
    assert (scores.tracklets, scores.strays) == (1, strays)


def test_a_link_between_pieces_counts_once() -> None:
    pieces_a = rows(11, range(1, 6)) + rows(12, range(6, 11))
    pieces_b = rows(21, range(1, 6)) + rows(22, range(6, 11))
    cameras = road((rows(1, ALL), pieces_a), (rows(1, ALL), pieces_b))
    assert counts(score_links(cameras, {11: 1, 12: 1, 21: 1, 22: 1})) == ((1, 1), (1, 1), (1, 1), 0, 0)
    assert counts(score_links(cameras, {11: 1, 12: 2, 21: 1, 22: 2})) == ((2, 2), (1, 1), (1, 1), 0, 0)


@pytest.mark.parametrize(("gap_s", "links"), [(10.0, 2), (90.0, 1)])
def test_a_vehicle_that_comes_back_is_another_sighting(gap_s: float, links: int) -> None:
    numbers = [*range(1, 6), *range(81, 86)]
    there = camera(rows(1, numbers), rows(11, range(1, 6)) + rows(12, range(81, 86)), frames=90, name="a")
    between = camera(rows(1, ALL), rows(21, ALL), name="b", begins_s=40.0)
    scores = score_links([there, between], {11: 1, 21: 1, 12: 1}, visit_gap_s=gap_s)
    assert scores.precision.trials == 2
    assert scores.recall.trials == links
    assert scores.recall.hits == links


def test_overlapping_views_may_find_a_vehicle_in_the_other_order() -> None:
    first = camera(rows(1, ALL), rows(11, range(5, 11)), name="a")
    second = camera(rows(1, ALL), rows(21, ALL), name="b", begins_s=2.0)
    assert counts(score_links([first, second], {11: 1, 21: 1})) == ((1, 1), (1, 1), (1, 1), 0, 0)


def test_tracklets_belong_to_one_camera() -> None:
    with pytest.raises(ValueError, match="tracklet 11 is in camera 'a' and in 'b'"):
        score_links(road((rows(1, ALL), rows(11, ALL)), (rows(1, ALL), rows(11, ALL))), {})


def test_nothing_in_nothing_out() -> None:
    scores = score_links([], {})
    assert math.isnan(scores.precision.value)
    assert (scores.precision.low, scores.precision.high) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (1, 1), (0, 20), (7, 20), (20, 20), (812, 1000)])
def test_the_interval_is_wilsons(hits: int, trials: int) -> None:
    expected = binomtest(hits, trials).proportion_ci(0.95, "wilson")
    assert wilson(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)
    share = Proportion.of(hits, trials)
    assert 0 <= share.low <= share.value <= share.high <= 1
