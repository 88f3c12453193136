"""The records of the topic `matches`: sightings of vehicles that are watched for."""

from enum import StrEnum

import msgspec


class MatchState(StrEnum):
    """The state of a match."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting that is probably of a vehicle that is watched for; the latest record of an `id` counts.

    id: `watch|tracklet`.
    watch: the name under which the vehicle is watched for.
    state: `provisional` while the vehicle is in view, `confirmed` when its tracklet has closed; `withdrawn` where it
        then turned out to be less probable than asked for, or nothing more came of it.
    tracklet: the sighting's tracklet, `camera|epoch|track`.
    observation: the observation that decided it, `tracklet|sequence`.
    camera: the camera.
    label: kind of vehicle.
    at_ns: the camera's time of that observation, Unix nanoseconds.
    first_ns: when the vehicle came into view, Unix nanoseconds.
    last_ns: when it was seen last, Unix nanoseconds.
    probability: that it is the vehicle that is watched for.
    similarity: cosine with the looks of that vehicle, relative to what their cameras see.
    """

    id: str
    watch: str
    state: MatchState
    tracklet: str
    observation: str
    camera: str
    label: str
    at_ns: int
    first_ns: int
    last_ns: int
    probability: float
    similarity: float


def encode(match: Match) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(match)


def decode(record: bytes) -> Match:
    """The match of a record; raises ValueError where it is none."""
    try:
        return msgspec.json.decode(record, type=Match)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a match: {error}") from error
