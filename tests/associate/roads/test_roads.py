"""The learned roads as association says them: when, and the same after a restart."""

from itertools import pairwise

import pytest

from associate.associator import Associator
from associate.links.appearance import Calibration
from associate.memory.memory import Memory
from associate.roads.edges import gone
from associate.roads.records import Edge
from associate.roads.roads import Roads
from associate.topology import Topology, Window
from embed.observation import Message
from ingest.clock import NS
from tests.associate.roads.samples import edge
from tests.associate.samples import associator
from tests.associate.test_learned import FLAT, traffic

MESSAGES = traffic(75)[0]
"""Six minutes."""


def said(machine: Associator, messages: list[Message]) -> list[Edge]:
    found: list[Edge] = []
    for message in messages:
        machine.update(message)
        found += [each for each in machine.take_roads() if isinstance(each, Edge)]
    return found


@pytest.fixture(scope="module")
def whole() -> list[Edge]:
    return said(associator(FLAT), MESSAGES)


def test_roads_are_said_when_they_are_known_and_when_they_have_changed(whole: list[Edge]) -> None:
    last = {edge.key: edge for edge in whole}
    assert [(edge.start, edge.end) for edge in whole[:2]] == [("a", "b"), ("b", "c")]
    assert sorted(last) == ["edge|z|a|b", "edge|z|b|c"]
    assert last["edge|z|b|c"].share == pytest.approx(2 / 3, abs=0.08)
    assert last["edge|z|a|b"].links > 40
    assert len(whole) < 12  # not each time that anything was learned


def test_each_at_most_once_a_minute(whole: list[Edge]) -> None:
    at_s = [edge.at_ns / NS for edge in whole if edge.end == "b"]
    assert all(later - earlier >= 60 for earlier, later in pairwise(at_s))


def test_a_restart_changes_no_record(whole: list[Edge]) -> None:
    """In the middle of a minute, after some have been said."""
    first, second = associator(FLAT), associator(FLAT)
    half = len(MESSAGES) // 2
    before = said(first, MESSAGES[:half])
    second.restore({key: row for key, row in first.changes().items() if row is not None})
    assert before
    assert before + said(second, MESSAGES[half:]) == whole


def test_what_was_forgotten_is_no_edge_any_more() -> None:
    roads = Roads("z")
    roads.edges.put(edge().key, edge())
    roads.compare(Memory(Topology([], Window(0, 300)), Calibration(), memory_s=600), 60.0, 7)
    assert roads.take() == [gone(edge(), 7)]
    assert not len(roads.edges)
