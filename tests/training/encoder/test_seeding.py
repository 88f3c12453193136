"""Draws for different purposes have nothing in common, even where their places are zeros."""

import numpy as np

from training.encoder.seeding import Drawn, generator


def test_no_two_purposes_or_places_share_their_numbers() -> None:
    places: dict[Drawn, list[tuple[int, ...]]] = {
        Drawn.BATCHES: [(epoch,) for epoch in range(4)],
        Drawn.OTHERS: [(epoch,) for epoch in range(4)],
        Drawn.PICTURE: [(epoch, place) for epoch in range(4) for place in range(4)],
        Drawn.SLOTS: [(step,) for step in range(4)],
    }
    assert set(places) == set(Drawn)
    first = {
        (seed, what, place): int(generator(seed, what, *place).integers(2**63))
        for seed in range(3)
        for what, all_of in places.items()
        for place in all_of
    }
    assert len(set(first.values())) == len(first) == 3 * (4 + 4 + 16 + 4)
    again = generator(1, Drawn.PICTURE, 2, 3).random(5)
    np.testing.assert_array_equal(generator(1, Drawn.PICTURE, 2, 3).random(5), again)
