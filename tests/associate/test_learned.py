"""What was learned of a site's roads, against traffic of known shares and times."""

import numpy as np
import pytest

from associate.learned import LearnedTopology, learned_topology, quantiles
from associate.links.travel_times import TimeBins
from associate.settings import AssociateSettings
from associate.topology import Travel
from embed.observation import Message, order_key
from tests.associate.samples import associator, looks, play, ticks, tracklet

FLAT = AssociateSettings(zone="z", memory_s=600)
IN_VIEW_S = 3.0

FORGETFUL = AssociateSettings(
    zone="z",
    memory_s=60,
    travel=[Travel(start="a", end="b", min_s=4, max_s=12), Travel(start="b", end="c", min_s=8, max_s=16)],
    only_listed=True,
)
"""Most of the traffic has left the memory at the end."""

Times = dict[str, list[float]]
"""True travel times by pair of cameras, seconds."""


def traffic(vehicles: int = 40, *, every_s: float = 4.0, seed: int = 0) -> tuple[list[Message], Times]:
    """Vehicles that pass a and then b in 6 to 9 s; two of three go on to c in 10 to 14 s, the third one ends at b.

    Every sixth one begins at b.
    """
    rng = np.random.default_rng(seed)
    messages: list[Message] = []
    times: Times = {"ab": [], "bc": []}
    for number in range(vehicles):
        enter_s = 5 + every_s * number
        legs = [("a", rng.uniform(6, 9)), ("b", rng.uniform(10, 14)), ("c", 0.0)]
        passed = legs[number % 6 == 5 : 2 if number % 3 == 0 else 3]
        for camera, travel_s in passed:
            noisy = looks(number) + 0.02 * rng.normal(size=256)
            vector = np.asarray(noisy / np.linalg.norm(noisy), np.float32)
            messages += tracklet(camera, number + 1, vector, enter_s, enter_s + IN_VIEW_S)
            enter_s += IN_VIEW_S + float(travel_s)
        driven = "".join(camera for camera, _ in passed)
        for pair in times:
            times[pair] += [float(travel_s) for camera, travel_s in passed if camera == pair[0] and pair in driven]
    return sorted([*messages, *ticks("abc", 5 + every_s * vehicles + 60)], key=order_key), times


def learn(messages: list[Message], settings: AssociateSettings = FLAT) -> dict[str, bytes]:
    """The state that such messages leave."""
    machine = associator(settings)
    play(machine, messages)
    return {key: row for key, row in machine.changes().items() if row is not None}


@pytest.mark.parametrize(
    "settings",
    [
        FLAT,
        FORGETFUL,
        AssociateSettings(zone="z", travel=[Travel(start="a", end="b", min_s=4, max_s=60)]),
    ],
    ids=["flat", "most of it past the memory", "with a window by hand"],
)
def test_shares_and_travel_times_are_those_of_the_traffic(settings: AssociateSettings) -> None:
    messages, times = traffic()
    found = learned_topology(learn(messages, settings), settings).from_links(3)
    assert [(pair.start, pair.end) for pair in found.pairs] == [("a", "b"), ("b", "c")]
    for pair, share in zip(found.pairs, (1.0, 2 / 3), strict=True):
        true = times[pair.start + pair.end]
        assert pair.share == pytest.approx(share, abs=0.08)
        assert pair.links == pytest.approx(len(true), abs=3)
        assert pair.median_s == pytest.approx(np.quantile(true, 0.5), rel=0.05)
        assert (pair.p15_s, pair.p85_s) == pytest.approx(tuple(np.quantile(true, (0.15, 0.85))), rel=0.05)


@pytest.fixture(scope="module")
def every() -> LearnedTopology:
    """All that was learned, pairs of few links among it."""
    return learned_topology(learn(traffic()[0]), FLAT)


def test_where_vehicles_begin_and_end(every: LearnedTopology) -> None:
    a, b, c = every.cameras
    assert (a.camera, b.camera, c.camera) == ("a", "b", "c")
    assert [a.begin_share, a.end_share] == pytest.approx([1.0, 0.0], abs=0.05)
    assert [b.begin_share, b.end_share] == pytest.approx([1 / 6, 1 / 3], abs=0.08)
    assert [c.begin_share, c.end_share] == pytest.approx([0.0, 1.0], abs=0.05)
    assert b.entries == pytest.approx(40, abs=2)


def test_a_restart_counts_no_link_twice() -> None:
    """Also where links have left the memory while their tracklets are still waited for."""
    settings = AssociateSettings(zone="z", memory_s=60)
    messages, _ = traffic()
    first, second = associator(settings), associator(settings)
    play(first, messages[:600])
    state = {key: row for key, row in first.changes().items() if row is not None}
    second.restore(state)
    play(second, messages[600:])
    for key, row in second.changes().items():
        if row is None:
            del state[key]
        else:
            state[key] = row
    assert learned_topology(state, settings) == learned_topology(learn(messages, settings), settings)


def test_who_was_followed_before_the_memory_has_no_other_follower() -> None:
    """Nobody goes from a to c: b's tracklets have left the memory before those of c, and were followed by a's."""
    settings = AssociateSettings(zone="z", memory_s=60)
    messages, times = traffic(200, every_s=2.0)
    links = {(pair.start, pair.end): pair.links for pair in learned_topology(learn(messages, settings), settings).pairs}
    assert links.get(("a", "c"), 0.0) < 3
    assert links["b", "c"] == pytest.approx(len(times["bc"]), rel=0.05)


def test_few_links_are_left_out_and_counted(every: LearnedTopology) -> None:
    assert len(every.pairs) > 2
    kept = every.from_links(30)
    assert [(pair.start, pair.end) for pair in kept.pairs] == [("a", "b")]
    assert kept.fewer_links == len(every.pairs) - 1
    assert kept.links_left_out == pytest.approx(sum(pair.links for pair in every.pairs) - kept.pairs[0].links)
    assert kept.cameras == every.cameras


def test_nothing_was_learned_of_nothing() -> None:
    assert learned_topology({}, FLAT) == LearnedTopology([], [])


def test_a_past_of_another_horizon_is_counted() -> None:
    state = learn(traffic()[0], FORGETFUL)
    assert learned_topology(state, FORGETFUL).other_horizon == 0
    longer = AssociateSettings(zone="z", memory_s=60, max_travel_s=3000)
    assert learned_topology(state, longer).other_horizon >= 2


@pytest.mark.parametrize("center_s", [-20.0, 0.0, 9.0, 120.0])
def test_quantiles_are_exact_within_a_bin(center_s: float) -> None:
    bins = TimeBins(300.0)
    low_s, high_s = center_s - 8, center_s + 8
    edges_s = bins.edges_s
    mass = np.clip(np.minimum(edges_s[1:], high_s) - np.maximum(edges_s[:-1], low_s), 0, None)
    found = quantiles(mass, bins, (0.25, 0.5, 0.75))
    step_s = 0.1 * max(abs(center_s), 3)
    assert found == [pytest.approx(center_s + away_s, abs=step_s) for away_s in (-4, 0, 4)]
