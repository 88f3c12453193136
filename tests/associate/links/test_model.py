"""The log odds of pairs of tracklets, by tables made for the purpose."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from associate.links.counts import PairCounts, key_of
from associate.links.model import LinkModel, Terms
from associate.memory.memory import Memory
from associate.settings import AssociateSettings
from tests.associate.samples import associator, convoy, ticks

NOW_S = 40.0


@pytest.fixture(scope="module")
def memory() -> Memory:
    """Six vehicles that passed three cameras, of which nothing is known to begin with."""
    busy = associator(AssociateSettings(zone="z"))
    for message in sorted([*convoy(), *ticks("abc", NOW_S, final=False)], key=lambda each: each.at_ns):
        busy.update(message)
    return busy._memory


@pytest.fixture
def terms(memory: Memory) -> Callable[..., Terms]:
    """The terms of the pairs from a to b, by tables with as many links from a to b, and endings in a, as given."""

    def by(links: float, endings: float, *, eager: bool) -> Terms:
        window, known = memory.window, memory.model
        a, b = (memory.cameras.names.index(name) for name in "ab")
        ends, between, cameras = np.full(3, 5.0), known.counts.links.copy(), known.counts.cameras
        times = np.zeros((2, 1, known.bins.count))
        times[:, 0, known.bins.of(np.array([5.0]))] = links
        ends[a], between[a, b] = endings, links
        key = key_of(np.array([a]), np.array([b]))
        cameras = cameras.at(cameras.keys != key).plus(PairCounts(key[: int(links > 0)], times[:, : int(links > 0)]))
        counts = dataclasses.replace(known.counts, links=between, cameras=cameras, ends=ends)
        model = LinkModel(known.bins, counts, memory.traffic.topology.priors(memory.cameras.names), known.calibration)
        asked = (window.camera[memory.pairs.earlier] == a) & (window.camera[memory.pairs.later] == b)
        some = memory.pairs.at(asked)
        some.share[:] = 0  # none of them is among the counted ones
        return model.log_odds(window, some, memory.traffic.gate_table(), NOW_S, eager=eager)

    return by


def test_learning_goes_on_to_look_where_nobody_was_seen_to_go(terms: Callable[..., Terms]) -> None:
    """However many have ended in a camera, one in a hundred may be on the way: links would never be counted else."""
    few, many = (terms(0.0, endings, eager=True).rates.max() for endings in (200.0, 20_000.0))
    assert many > few - 0.7  # what has been unseen for long is likelier to have ended; the share does not fall
    few, many = (terms(0.0, endings, eager=False).rates.max() for endings in (200.0, 20_000.0))
    assert many < few - 3


def test_a_link_that_chance_brings_is_no_way(terms: Callable[..., Terms]) -> None:
    """One counted link changes what is learned next, and no decision; ten change both."""
    none, one, ten = (terms(links, 30.0, eager=False).total for links in (0.0, 1.0, 10.0))
    np.testing.assert_allclose(one, none, atol=0.15)  # an exit more is counted
    assert (ten > none + 1).any()
    none, one = (terms(links, 30.0, eager=True).total for links in (0.0, 1.0))
    assert (one > none + 0.5).any()
