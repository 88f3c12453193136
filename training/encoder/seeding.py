"""Where all that a training draws comes from: seed, purpose and place alone, so that no generator's state is kept."""

from enum import IntEnum

import numpy as np


class Drawn(IntEnum):
    """What for; with places of a fixed length for each, no two draws have the same seed."""

    BATCHES = 1
    """Of images with identity, by epoch."""
    OTHERS = 2
    """Images without identity, by epoch."""
    PICTURE = 3
    """An image's augmentation, by epoch and place in it."""
    SLOTS = 4
    """Of the memory bank, by step."""


def generator(seed: int, what: Drawn, *place: int) -> np.random.Generator:
    """The generator of one draw."""
    return np.random.default_rng([seed, what, *place])
