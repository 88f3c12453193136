"""Draws for different purposes have nothing in common, even where their places are zeros."""

import numpy as np

from training.encoder.seeding import RandomStream, generator


def test_no_two_purposes_or_places_share_their_numbers() -> None:
    places: dict[RandomStream, list[tuple[int, ...]]] = {
        RandomStream.LABELLED_BATCHES: [(epoch,) for epoch in range(4)],
        RandomStream.UNLABELLED_BATCHES: [(epoch,) for epoch in range(4)],
        RandomStream.AUGMENTATION: [(epoch, place) for epoch in range(4) for place in range(4)],
        RandomStream.MEMORY_SLOTS: [(step,) for step in range(4)],
        RandomStream.SECOND_LOOK: [(epoch, place) for epoch in range(4) for place in range(4)],
    }
    assert set(places) == set(RandomStream)
    first = {
        (seed, what, place): int(generator(seed, what, *place).integers(2**63))
        for seed in range(3)
        for what, all_of in places.items()
        for place in all_of
    }
    assert len(set(first.values())) == len(first) == 3 * (4 + 4 + 16 + 4 + 16)
    again = generator(1, RandomStream.AUGMENTATION, 2, 3).random(5)
    np.testing.assert_array_equal(generator(1, RandomStream.AUGMENTATION, 2, 3).random(5), again)
