"""What is done to bytes and texts that were right."""

import random
from collections.abc import Sequence


def flipped(rng: random.Random, data: bytes, most: int = 64) -> bytes:
    """Some bytes replaced, anywhere or close together."""
    changed = bytearray(data)
    first = rng.randrange(len(data)) if rng.random() < 0.5 else 0
    span = rng.choice((64, 1024, len(data)))
    for _ in range(rng.randint(1, most)):
        changed[(first + rng.randrange(span)) % len(data)] = rng.randrange(256)
    return bytes(changed)


def cut(rng: random.Random, data: bytes) -> bytes:
    """The end gone, the beginning gone, or a piece of the middle."""
    first, last = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return rng.choice((data[:first], data[first:], data[:first] + data[last:]))


def spliced(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A piece of another one put in, or in the place of something."""
    other = rng.choice(others)
    first, last = sorted((rng.randrange(len(other) + 1), rng.randrange(len(other) + 1)))
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[first:last] + data[at + rng.choice((0, last - first)) :]


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One to three of these, one after the other."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            return data
        data = (flipped, cut, lambda rng, data: spliced(rng, data, others))[rng.randrange(3)](rng, data)
    return data
