"""What the cameras of a story say, and the association that links it."""

from collections.abc import Iterator

import msgspec

from associate.associator import Associator
from associate.settings import AssociateSettings
from embed.observation import Message, Observation, TrackletState
from ingest.clock import NS
from tests.integration.test_kafka_association import CAMERAS, observed

IN_VIEW = (TrackletState.OPENED, *[TrackletState.UPDATED] * 8, TrackletState.CLOSED)
"""Observations of a vehicle that a camera sees, `EVERY_NS` apart."""
EVERY_NS = NS // 25
DENSER = 4
"""A vehicle every half second, 5 s from camera to camera: learning is by time, and would be most of a long story's."""

SETTINGS = AssociateSettings(zone="main", min_travel_s=0.0, max_travel_s=30.0, memory_s=60.0)


def traffic(vehicles: int) -> Iterator[Message]:
    """Vehicles pass two cameras, which tick meanwhile."""
    for message in observed(vehicles):
        if isinstance(message, Observation):
            for sequence, state in enumerate(IN_VIEW):
                at_ns = (message.at_ns + sequence * EVERY_NS) // DENSER
                times = {"at_ns": at_ns, "first_ns": message.first_ns // DENSER, "last_ns": at_ns}
                yield msgspec.structs.replace(message, sequence=sequence, state=state, **times)
        else:
            yield msgspec.structs.replace(message, at_ns=message.at_ns // DENSER)


def new_associator() -> Associator:
    return Associator(SETTINGS, cameras=CAMERAS, encoder="colour@1")
