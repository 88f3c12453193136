"""A message that association cannot work on."""

from collections.abc import Callable
from typing import Any

import msgspec

from embed.observation import Message, Observation
from tests.associate.samples import convoy

POISON = "poison"
"""The label of the vehicle that association cannot work on."""


def poisoned(camera: str, track: int = 3) -> list[Message]:
    """A convoy, one of whose tracklets has the label."""
    return [
        msgspec.structs.replace(it, label=POISON)
        if isinstance(it, Observation) and (it.camera, it.track) == (camera, track)
        else it
        for it in convoy(4)
    ]


def raising(method: Callable[..., Any], about: Callable[..., bool]) -> Callable[..., Any]:
    """A method that raises where its arguments are about the poison."""

    def instead(self: Any, *arguments: Any, **named: Any) -> Any:
        if about(self, *arguments):
            raise RuntimeError(f"cannot be done by {object()}")
        return method(self, *arguments, **named)

    return instead


def about_seen(_: object, seen: Observation, *rest: object) -> bool:
    return seen.label == POISON
