"""Densities of travel times, which count from leaving a view or from entering it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from associate.links.counts import count_times, key_of
from associate.links.densities import BY_CHANCE, GATES_BY_CHANCE, STILL_OPEN, TravelDensities
from associate.links.pairs import PairTable
from associate.links.travel_times import Floats
from associate.links.window import Window
from associate.topology import Topology, Travel
from associate.topology import Window as Limits
from tests.associate.links.samples import CAMERAS, TOPOLOGY, A, B, Trip, no_counts, put_pairs

RNG = np.random.default_rng(0)
LONG_S = 60.0
"""Longest time in a view in which vehicles queue."""


def counted(from_leaving_s: Floats, from_entering_s: Floats, topology: Topology = TOPOLOGY) -> TravelDensities:
    """Densities after links from a to b with such times."""
    links = np.zeros((3, 3))
    links[A, B] = len(from_leaving_s)
    keys = key_of(np.full(len(from_leaving_s), A), np.full(len(from_leaving_s), B))
    times = count_times(keys, (from_leaving_s, from_entering_s), np.ones(len(keys)), topology.bins)
    return TravelDensities(topology.bins, replace(no_counts(), links=links, cameras=times), topology.priors(CAMERAS))


def queue(count: int = 20) -> TravelDensities:
    """Views that overlap: two seconds after it enters the one, a vehicle enters the other, and waits in both."""
    waited_s = RNG.uniform(5, LONG_S, count)
    entered_s = RNG.normal(2.0, 0.2, count)
    return counted(entered_s - waited_s, entered_s)


def road(count: int = 20) -> TravelDensities:
    """A road between the views: eight seconds after a vehicle leaves the one, however long it was there."""
    drive_s = RNG.normal(8.0, 0.4, count)
    return counted(drive_s, drive_s + RNG.uniform(5, LONG_S, count))


NOTHING = TravelDensities(TOPOLOGY.bins, no_counts(), TOPOLOGY.priors(CAMERAS))


def log_density(densities: TravelDensities, trips: Sequence[Trip], in_view_s: float) -> Floats:
    window = Window()
    pairs = put_pairs(window, trips, 0.0, in_view_s=in_view_s)
    return densities.log_density(window, pairs, densities.others(window, pairs, eager=True))


def test_what_was_counted_says_what_times_count_from() -> None:
    assert queue().entering[A, B] > 0.99
    assert queue().from_entering.sum() == 1
    assert road().entering[A, B] < 0.01
    few = queue(3).entering[A, B]
    assert few == pytest.approx(NOTHING.entering[A, B])
    assert np.diag(NOTHING.entering).tolist() == [0, 0, 0]


def test_before_anything_is_known_a_time_may_count_from_either() -> None:
    """Two seconds after entering, and 58 before leaving; or eight after leaving."""
    overlap: Trip = (A, B, 100.0, 2.0 - LONG_S)
    drive: Trip = (A, B, 100.0, 8.0)
    strange: Trip = (A, B, 100.0, -30.0)
    of_either = log_density(NOTHING, [overlap, drive, strange], LONG_S)
    assert of_either[:2].min() > of_either[2] + 1
    of_queue, of_road = (log_density(each, [overlap, drive], LONG_S) for each in (queue(), road()))
    assert of_queue[0] > of_either[0] + 2
    assert of_queue[0] > of_queue[1] + 4
    assert of_road[1] > of_either[1] + 1
    assert of_road[1] > of_road[0] + 4


def test_who_is_still_in_view_may_be_in_the_other_view_as_well() -> None:
    window = Window()
    pairs = put_pairs(window, [(A, B, 100.0, 2.0 - LONG_S)], 0.0, in_view_s=LONG_S)
    window.closed_s[pairs.earlier] = np.inf
    known, unknown, none = (
        float(each.log_density(window, pairs, each.others(window, pairs, eager=True))[0])
        for each in (queue(), NOTHING, road())
    )
    assert known > unknown + 2
    assert unknown > none + 5
    assert none >= STILL_OPEN


@pytest.mark.parametrize("densities", [NOTHING, queue(), road()], ids=["nothing", "queue", "road"])
def test_the_most_that_a_time_can_say_is_no_less_than_what_it_says(densities: TravelDensities) -> None:
    window = Window()
    trips = [(A, B, 300.0, float(travel_s)) for travel_s in RNG.uniform(-LONG_S, 100, 200)]
    pairs = put_pairs(window, trips, 0.0, in_view_s=LONG_S)
    a, b = window.camera[pairs.earlier], window.camera[pairs.later]
    most = densities.most(a, b, densities.both_bins(window, pairs.earlier, pairs.later))
    said = densities.log_density(window, pairs, densities.others(window, pairs, eager=True))
    np.testing.assert_allclose(most, said, atol=1e-9)  # of pairs that were not counted, and without gates
    assert (densities.most_ever(a, b) + np.log(2) >= most).all()


LEFT_BY, ENTERED_BY = 7, 3
"""Numbers of gates."""


def by_gates(links: float, by_them: float) -> TravelDensities:
    """Densities after so many links from a to b, of which so many by a pair of gates."""
    between = np.zeros((3, 3))
    between[A, B] = links
    cameras, gates = (
        count_times(
            key_of(np.array([first]), np.array([second])),
            (np.full(1, 8.0), np.full(1, 10.0)),
            np.full(1, count),
            TOPOLOGY.bins,
        )
        for first, second, count in ((A, B, links), (LEFT_BY, ENTERED_BY, by_them))
    )
    counts = replace(no_counts(), links=between, cameras=cameras, gates=gates)
    return TravelDensities(TOPOLOGY.bins, counts, TOPOLOGY.priors(CAMERAS))


def passed_by_gates(window: Window, trips: int, share: float) -> PairTable:
    pairs = put_pairs(window, [(A, B, 100.0 + number, 8.0) for number in range(trips)], share)
    window.gate_out[pairs.earlier], window.gate_in[pairs.later] = LEFT_BY, ENTERED_BY
    return pairs


def test_tracklets_that_may_be_the_same_predecessor_do_not_prove_each_other() -> None:
    window = Window()
    pairs = passed_by_gates(window, 3, 0.5)
    later, earlier = pairs.later.copy(), pairs.earlier.copy()
    later[1] = later[0]  # which of the first two was it?
    earlier[2] = earlier[1]  # or did that one become another?
    others = by_gates(2.5, 2.5).others(
        window, PairTable(later, earlier, *(pairs.similarity,) * 2, pairs.share, pairs.together), eager=True
    )
    np.testing.assert_allclose(others.links, [2.5 - 1.0, 2.5 - 1.5, 2.5 - 1.0])
    np.testing.assert_allclose(others.together, others.links)


@pytest.mark.parametrize("by_them", [0.1, 0.5, 4.0, 30.0])
def test_decisions_hardly_believe_what_few_links_say_of_gates(by_them: float) -> None:
    window = Window()
    pairs = passed_by_gates(window, 1, 0.0)
    densities = by_gates(100.0, by_them)
    learning, deciding = (densities.others(window, pairs, eager=eager) for eager in (True, False))
    assert learning.together[0] == pytest.approx(by_them)
    believed = max(1 - GATES_BY_CHANCE / np.sqrt(by_them), 0.0) * (1 - BY_CHANCE / 100.0)
    assert deciding.together[0] == pytest.approx(by_them * believed)


def test_a_window_by_hand_counts_from_leaving() -> None:
    by_hand = Topology([Travel(start="a", end="b", min_s=20, max_s=40)], Limits(-90, 300))
    given = TravelDensities(by_hand.bins, no_counts(), by_hand.priors(CAMERAS))
    assert given.entering[A, B] < 0.01 < given.entering[B, A]
    inside, outside = log_density(given, [(A, B, 100.0, 30.0), (A, B, 100.0, 30.0 - LONG_S)], LONG_S)
    assert inside > outside + 5
