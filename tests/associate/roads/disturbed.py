"""Messages of a camera to which something has happened."""

import msgspec
import numpy as np

from embed.observation import BoxAt, Message, Observation, pack_vector, unpack_vector
from ingest.clock import NS


def with_clock_ahead(message: Message, by_s: float) -> Message:
    """The message of a camera whose clock was set forward."""
    by_ns = round(by_s * NS)
    later = msgspec.structs.replace(message, at_ns=message.at_ns + by_ns)
    if not isinstance(later, Observation):
        return later
    return msgspec.structs.replace(later, first_ns=later.first_ns + by_ns, last_ns=later.last_ns + by_ns)


def from_the_other_side(message: Message) -> Message:
    """The message of a camera that was moved: vehicles drive from right to left, further down in the frame."""
    if not isinstance(message, Observation):
        return message
    width = 10 * message.frame_size[0]
    path = [
        BoxAt(it.offset_us, width - it.right, it.top + 800, width - it.left, it.bottom + 800) for it in message.path
    ]
    return msgspec.structs.replace(message, path=path)


def in_another_light(message: Message, share: float = 1.0) -> Message:
    """The message of a camera in which everything has got something in common that it had not before."""
    if not isinstance(message, Observation):
        return message
    vector = unpack_vector(message.vector).astype(np.float64)
    common = np.random.default_rng(0).normal(size=len(vector))
    vector += share * common / np.linalg.norm(common)
    return msgspec.structs.replace(message, vector=pack_vector(vector / np.linalg.norm(vector)))
