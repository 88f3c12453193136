"""Random generators of a training: from seed, stream and place alone, so that no generator's state is kept."""

from enum import IntEnum

import numpy as np


class RandomStream(IntEnum):
    """The streams; with places of a fixed length for each, no two draws have the same seed."""

    LABELLED_BATCHES = 1
    """Batches of images with an identity, by epoch."""
    UNLABELLED_BATCHES = 2
    """Images without identity, by epoch."""
    AUGMENTATION = 3
    """An image's augmentation, by epoch and place in it."""
    MEMORY_SLOTS = 4
    """Slots of the memory bank, by step."""
    SECOND_LOOK = 5
    """The augmentation of an image's second look, by epoch and place in it."""


def generator(seed: int, stream: RandomStream, *place: int) -> np.random.Generator:
    """The generator of one draw."""
    return np.random.default_rng([seed, stream, *place])
