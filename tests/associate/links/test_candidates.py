"""Which pairs are compared, at a site of few cameras and of many."""

from collections.abc import Iterator

import numpy as np
import pytest

from associate.associator import Associator
from associate.links import candidates, pairs
from associate.settings import AssociateSettings
from embed.observation import Message, order_key
from tests.associate.samples import looks, ticks, tracklet
from tests.embed.samples import ENCODER

CAMERAS, VEHICLES, APART_S = 12, 240, 1.0
NAMES = tuple(f"c{number:02d}" for number in range(CAMERAS))


def ring() -> Iterator[Message]:
    """Vehicles that pass two cameras of a ring, ten seconds apart, one vehicle a second."""
    for number in range(VEHICLES):
        first, begin_s = number % CAMERAS, 1.0 + number * APART_S
        for step, camera in enumerate((first, (first + 1) % CAMERAS)):
            at_s = begin_s + 12.0 * step
            yield from tracklet(NAMES[camera], 2 * number + step, looks(number), at_s, at_s + 2.0)
    yield from ticks(NAMES, VEHICLES * APART_S + 40.0)


def associated() -> Associator:
    machine = Associator(AssociateSettings(zone="z"), cameras=NAMES, encoder=ENCODER)
    for message in sorted(ring(), key=order_key):
        machine.update(message)
    return machine


def known(machine: Associator) -> set[tuple[int, int]]:
    first, second = np.nonzero(machine._memory.model.known)
    return {(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True) if a != b}


RING = {(number, (number + 1) % CAMERAS) for number in range(CAMERAS)}


def test_a_large_site_finds_its_ways_though_it_compares_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four turns: each tracklet is compared with a quarter of the cameras that no way leads from yet."""
    every = associated()
    monkeypatch.setattr(candidates, "COMPARED_CAMERAS", 3)
    monkeypatch.setattr(candidates, "COMPARED_TRACKLETS", 50)
    share = associated()
    assert candidates.turns_of(share._memory.model, share._memory.window) == 4
    assert known(every) >= RING
    assert known(share) >= RING
    assert len(share._memory.pairs) < 0.7 * len(every._memory.pairs)


def test_many_tracklets_have_fewer_pairs_each() -> None:
    assert pairs.most_each(0) == pairs.most_each(1000) == pairs.MOST_EACH
    assert pairs.LEAST_EACH < pairs.most_each(20_000) < pairs.MOST_EACH
    assert pairs.most_each(10**6) == pairs.LEAST_EACH
