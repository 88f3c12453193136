"""The parts of a memory beside each other: after a restart, and after tracklets are forgotten."""

import numpy as np
import pytest

from associate.memory.memory import Memory
from associate.memory.rounds import learn
from associate.rows import ENDED, Link
from tests.associate.memory.samples import fresh, of_a_convoy

NOW_S = 60.0


@pytest.fixture
def memory() -> Memory:
    """Six vehicles that passed three cameras, with their pairs and what they have taught; nothing is decided."""
    memory = of_a_convoy()
    memory.pairing.pair_up(memory.model, NOW_S)
    learn(memory, NOW_S)
    return memory


def restarted(memory: Memory) -> Memory:
    again = fresh()
    for table, stored in zip(again.tables, memory.tables, strict=True):
        table.clear()
        for key, row in stored.changes().items():
            assert row is not None
            table.load(key.partition("|")[2], row)
    again.restored()
    return again


def linked(memory: Memory) -> set[tuple[int, int, float]]:
    """Numbers of the tracklets of each pair, and its probability."""
    number, pairs = memory.window.number, memory.pairs
    columns = (number[pairs.earlier], number[pairs.later], pairs.share)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def test_a_restart_brings_back_window_pairs_and_model(memory: Memory) -> None:
    again = restarted(memory)
    assert again.window.number.tolist() == memory.window.number.tolist()
    assert any(share > 0.5 for *_, share in linked(memory))
    assert linked(again) == linked(memory)
    assert np.array_equal(again.model.counts.links, memory.model.counts.links)
    assert again.model.counts.links.sum() > 0


def test_after_a_restart_pairs_are_formed_of_what_no_decision_has_seen_as_it_is(memory: Memory) -> None:
    """Of no link at all, and of one from before the end; the others have been said to have ended."""
    for place in range(len(memory.window)):
        memory.tracklets.put_link(place, Link(identity=place, shown=ENDED))
    memory.tracklets.put_link(4, Link(identity=4, shown=ENDED - 1))
    memory.tracklets.links.drop(memory.tracklets.links.names[7])
    assert memory.tracklets.take_changed().tolist() == []
    assert restarted(memory).tracklets.take_changed().tolist() == [4, 7]


def test_the_parts_forget_a_tracklet_together(memory: Memory) -> None:
    row, link = memory.tracklets.row(3), Link(identity=1)
    memory.tracklets.put_link(3, link)
    memory.pairing.bind(1, 3, same=True)
    memory.pairing.bind(1, 4, same=False)
    before, numbers = linked(memory), memory.window.number.tolist()
    memory.drop(row.id)
    assert memory.tracklets.number_of(row.id) is None
    assert memory.window.number.tolist() == [number for number in numbers if number != row.number]
    assert linked(memory) == {pair for pair in before if row.number not in pair[:2]} < before
    assert [(bond.later, bond.same) for bond in memory.pairing.bonds] == [(numbers[4], False)]
    assert memory.tracklets.take_forgotten() == [(row.number, link)]
    assert linked(restarted(memory)) == linked(memory)
