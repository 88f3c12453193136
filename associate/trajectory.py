"""Events of association: revisable, about identities, with their evidence.

Records of the topics `trajectories` and `identities` are JSON objects that any consumer can read.
"""

import math
import uuid
from enum import StrEnum

import msgspec

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://corridor.invalid/trajectory-events")


class Kind(StrEnum):
    """Effect of an event on its identity."""

    PROVISIONAL = "provisional"  # a vehicle in view is taken for this identity; may still change
    CONFIRMED = "confirmed"  # its first complete sighting: the identity exists
    EXTENDED = "extended"  # a further complete sighting has been linked to it
    MERGED = "merged"  # an identity turned out to be another one: see superseded_by
    SPLIT = "split"  # a complete sighting was taken away from it again
    RETRACTED = "retracted"  # a sighting in view was taken away from it again: see superseded_by
    CLOSED = "closed"  # nothing can be linked to it any more


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One sighting in a trajectory.

    camera: id of the camera.
    observation: id of the latest observation of the tracklet.
    enter_ns: beginning of the sighting, Unix nanoseconds of the camera's clock.
    leave_ns: end of the sighting so far, Unix nanoseconds.
    open: the vehicle may still be in view.
    """

    camera: str
    observation: str
    enter_ns: int
    leave_ns: int
    open: bool = False

    @property
    def tracklet(self) -> str:
        """Id of the tracklet, `camera|epoch|track`."""
        return self.observation.rpartition("|")[0]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Evidence for giving a sighting to an identity.

    probability: that the link (or, where nothing was linked, that a new identity) is right, given the rivals.
    similarity: cosine of the two vectors, each relative to what its camera sees.
    appearance: term of appearance, natural logarithm of a likelihood ratio.
    travel_time: term of travel time and gates, natural logarithm of a likelihood ratio.
    travel_s: seconds between the views.
    runner_up: the next best identity.
    margin: its distance in probability.
    topology: term of where exits lead and how often somebody is new, natural logarithm of a likelihood ratio.
    position: term of the place in the frame, for fragments of one stay.
    """

    probability: float
    similarity: float | None = None
    appearance: float | None = None
    travel_time: float | None = None
    travel_s: float | None = None
    runner_up: str | None = None
    margin: float | None = None
    topology: float | None = None
    position: float | None = None


class TrajectoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one identity.

    id: uuid5 of zone, deciding message and ordinal: a replay gives the same, and a duplicate can be recognised.
    zone: name of the cluster of cameras.
    kind: what the event does to its identity.
    identity: name of the identity, `ZONE-NUMBER`.
    revision: counts the events of the identity from 1.
    at_ns: event time of the decision, Unix nanoseconds.
    decided_by: id of the observation or tick that made the decision possible.
    label: kind of vehicle.
    visits: the identity's sightings, oldest first (the last 100).
    observation: id of the sighting that this event is about.
    evidence: reasons of the decision.
    superseded_by: identity that takes the place of this one, or has the sighting now.
    settled: the sighting's link will not be revised any more; of `merged`: some of what the identity had was settled.
    """

    id: str
    zone: str
    kind: Kind
    identity: str
    revision: int
    at_ns: int
    decided_by: str
    label: str
    visits: list[Visit]
    observation: str | None = None
    evidence: Evidence | None = None
    superseded_by: str | None = None
    settled: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TrajectoryEvent)


def event_id(zone: str, decided_by: str, ordinal: int) -> str:
    """The deterministic id of an event."""
    return str(uuid.uuid5(_NAMESPACE, f"{zone}\x1f{decided_by}\x1f{ordinal}"))


def encode(event: TrajectoryEvent) -> bytes:
    """Encode an event for the topic `trajectories`; raises ValueError for numbers that JSON has no word for."""
    evidence = {} if event.evidence is None else msgspec.structs.asdict(event.evidence)
    for name, value in evidence.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"event {event.id}: {name} {value} is no number")
    return _encoder.encode(event)


def decode(record: bytes) -> TrajectoryEvent:
    """Decode the event of a record; raises ValueError where it is none."""
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a trajectory event: {error}") from error
