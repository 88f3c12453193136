"""The records of the topic `observations`: what perception says to association, and what people say to it.

A camera's messages are an observation of a tracklet, a tick of the camera's clock, or a gap. A tracklet is one vehicle
in one camera; it is opened, updated while it lasts, and closed. Controls are no camera's: a correction of a link, or a
change of a camera. All are MessagePack maps, distinguished by their field `type`.
"""

import math
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.frame import ClockQuality


class CameraEpoch(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One owner's session of a camera; later epochs compare greater.

    generation: comes from the log and rises when a process takes a camera over.
    session: counts openings of the stream.
    """

    generation: int
    session: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.session}"


class TrackletState(StrEnum):
    """The state of a tracklet."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class BoxAt(msgspec.Struct, frozen=True, array_like=True):
    """One box of a tracklet's path.

    offset_us: microseconds since the tracklet's `first_ns`.
    left: left side, tenths of a pixel of the frame.
    top: upper side, tenths of a pixel.
    right: right side, tenths of a pixel.
    bottom: lower side, tenths of a pixel.
    """

    offset_us: int
    left: int
    top: int
    right: int
    bottom: int


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="observation"):
    """One vehicle in one camera, as far as it is known at `at_ns`.

    id: `camera|epoch|track|sequence`; tracklet ids are its first three parts.
    camera: id of the camera.
    epoch: owner and session of the stream.
    track: number of the tracklet within the epoch.
    sequence: number of this record within the tracklet.
    state: `opened`, `updated` or `closed`.
    at_ns: the camera's time of this record, Unix nanoseconds.
    first_ns: capture time of the tracklet's first box, Unix nanoseconds.
    last_ns: capture time of its latest box, Unix nanoseconds.
    clock: origin of the capture times.
    frame_size: width and height of the camera's frames, pixels.
    path: the boxes since the tracklet's previous observation, one an analysed frame.
    label: kind of vehicle, the one with the highest sum of scores over the boxes.
    score: summed scores of the boxes with that label over the number of all boxes, in [0, 1].
    encoder: name and weights hash of the encoder, `name@hash`.
    vector: the L2-normalised embedding, little-endian fp16.
    quality: quality of the best crop, in [0, 1].
    crops: number of crops whose embeddings were averaged.
    colour: colour on which the crops agree, with `[embed] attributes`; left out when None.
    colour_score: how far the crops agree on the colour, in [0, 1]; left out when None.
    count: number of this message among all of its camera's epoch, from 1; None before version 3.
    """

    id: str
    camera: str
    epoch: CameraEpoch
    track: int
    sequence: int
    state: TrackletState
    at_ns: int
    first_ns: int
    last_ns: int
    clock: ClockQuality
    frame_size: tuple[int, int]
    path: list[BoxAt]
    label: str
    score: float
    encoder: str
    vector: bytes
    quality: float
    crops: int
    colour: str | None = None
    colour_score: float | None = None
    count: int | None = None

    @property
    def tracklet(self) -> str:
        """The tracklet's id: `camera|epoch|track`."""
        return tracklet_id(self.camera, self.epoch, self.track)


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """A second of a camera's own clock has passed; silence is input too. Counters are of this epoch.

    camera: id of the camera.
    epoch: owner and session of the stream.
    sequence: number of the tick within the epoch.
    at_ns: the camera's time, Unix nanoseconds.
    final: the stream has ended for good.
    decoded: frames that were decoded.
    analysed: frames that were analysed.
    dropped: frames that were dropped because a newer one had come.
    count: number of this message among all of its camera's epoch, from 1; None before version 3.
    behind_ns: nanoseconds that it was held back while the log was away; as much of the camera is still to come.
    """

    camera: str
    epoch: CameraEpoch
    sequence: int
    at_ns: int
    final: bool = False
    decoded: int = 0
    analysed: int = 0
    dropped: int = 0
    count: int | None = None
    behind_ns: int = 0

    @property
    def id(self) -> str:
        return f"{self.camera}|{self.epoch}|tick|{self.sequence}"


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="gap"):
    """Records of a camera that were given up and never written: the first message of a new epoch.

    Tracklets of earlier epochs get no further message.

    camera: id of the camera.
    epoch: owner and session of the stream.
    sequence: number of the message within the epoch.
    at_ns: the camera's time of the message, Unix nanoseconds; the records were of before.
    records: number of records that are missing.
    count: number of this message among all of its camera's epoch, from 1; None before version 3.
    """

    camera: str
    epoch: CameraEpoch
    sequence: int
    at_ns: int
    records: int
    count: int | None = None

    @property
    def id(self) -> str:
        return f"{self.camera}|{self.epoch}|gap|{self.sequence}"


Message = Observation | Tick | Gap
"""What a camera says."""


class Correction(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="correction"):
    """Somebody has looked at two tracklets and knows whether they are one vehicle.

    id: `correction|at_ns|…`; the same correction said twice has the same id.
    at_ns: event time from which it holds, Unix nanoseconds.
    verdict: `same` vehicle, or `different` ones.
    tracklets: ids of the two tracklets, `camera|epoch|track`.
    by: who said so, free text of at most 64 characters.
    """

    id: str
    at_ns: int
    verdict: Literal["same", "different"]
    tracklets: tuple[str, str]
    by: str


class CameraChange(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="camera-change"):
    """Something about a camera is no longer as association has learned it.

    id: `camera-change|at_ns|…`; the same change said twice has the same id.
    at_ns: event time from which it holds, Unix nanoseconds.
    camera: id of the camera.
    change: `moved` (it looks elsewhere), or `clock_set` (its times are others than before).
    by: who said so, free text of at most 64 characters.
    """

    id: str
    at_ns: int
    camera: str
    change: Literal["moved", "clock_set"]
    by: str


Control = Correction | CameraChange
"""What people say; of no camera and no epoch."""

Record = Message | Control
"""Whatever stands on the topic."""

LONGEST_BY = 64
LONGEST_TEXT = 256
"""Characters of a name: what is made of messages, such as journeys of a hundred sightings, must fit on a log."""
LONGEST_ID = 4 * LONGEST_TEXT

LATEST_NS = 2**63 - 1
"""Times are 64-bit integers wherever they are kept: this one is in 2262."""

LONGEST_DELAY_NS = 86_400 * 1_000_000_000
"""Most that a camera can be behind: a day."""

_FINITE_HIGH_BYTES = bytes(byte for byte in range(256) if byte & 0x7C != 0x7C)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)

_AFTER_CAMERAS = "\U0010ffff"
"""Greater than any camera's id."""


class OrderKey(NamedTuple):
    """The total order of records: by time, then by what tells them apart. Ticks come after what they confirm.

    Controls come after the cameras' messages of the same time, in the order of their ids, which stand for a camera's.
    """

    at_ns: int
    camera: str
    epoch: CameraEpoch
    rank: int
    track: int
    sequence: int


def order_key(message: Record) -> OrderKey:
    """Sort key of a record among all others, whatever the order they arrive in."""
    if isinstance(message, Control):
        return OrderKey(message.at_ns, _AFTER_CAMERAS + message.id, CameraEpoch(0, 0), 3, 0, 0)
    if isinstance(message, Observation):
        return OrderKey(message.at_ns, message.camera, message.epoch, 1, message.track, message.sequence)
    rank = 0 if isinstance(message, Gap) else 2
    return OrderKey(message.at_ns, message.camera, message.epoch, rank, 0, message.sequence)


def tracklet_id(camera: str, epoch: CameraEpoch, track: int) -> str:
    """`camera|epoch|track`."""
    return f"{camera}|{epoch}|{track}"


def encode(message: Record) -> bytes:
    """One record of the topic `observations`; raises ValueError for a message that `decode` would refuse."""
    _check(message)
    return _encoder.encode(message)


def decode(record: bytes) -> Record:
    """The message or control of a record; raises ValueError where it is none, or has numbers nobody can work with."""
    try:
        message = _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not an observation: {error}") from error
    _check(message)
    return message


def _check(message: Record) -> None:
    """Refuse what has the right types and cannot be: raises ValueError."""
    times = {"at_ns": message.at_ns}
    _check_texts(message)
    if isinstance(message, Control):
        _check_control(message)
    elif message.count is not None and not 1 <= message.count <= LATEST_NS:
        raise ValueError(f"not an observation: count {message.count} is none of messages from 1")
    if isinstance(message, Tick) and not 0 <= message.behind_ns <= LONGEST_DELAY_NS:
        raise ValueError(f"not an observation: behind_ns {message.behind_ns} is not between 0 and {LONGEST_DELAY_NS}")
    if isinstance(message, Observation):
        times |= {"first_ns": message.first_ns, "last_ns": message.last_ns}
        _check_numbers(message)
        if message.id != f"{message.tracklet}|{message.sequence}":
            raise ValueError(f"not an observation: id '{message.id[:80]}' is not that of its camera, epoch and track")
    for name, time_ns in times.items():
        if not -LATEST_NS <= time_ns <= LATEST_NS:
            raise ValueError(f"not an observation: {name} {time_ns} is no time in nanoseconds")


def _check_texts(message: Record) -> None:
    for name in ("camera", "label", "encoder", "colour"):
        text = getattr(message, name, None)
        if text is not None and len(text) > LONGEST_TEXT:
            raise ValueError(f"not an observation: {name} of {len(text)} characters (at most {LONGEST_TEXT})")


def _check_control(control: Control) -> None:
    if len(control.by) > LONGEST_BY:
        raise ValueError(f"not an observation: 'by' of {len(control.by)} characters (at most {LONGEST_BY})")
    if len(control.id) > LONGEST_ID:
        raise ValueError(f"not an observation: an id of {len(control.id)} characters (at most {LONGEST_ID})")
    if isinstance(control, Correction):
        one, other = control.tracklets
        if max(len(one), len(other)) > LONGEST_ID:
            raise ValueError(f"not an observation: a tracklet's id of more than {LONGEST_ID} characters")
        if one == other:
            raise ValueError(f"not an observation: a correction of the tracklet '{one[:80]}' and itself")


def _check_numbers(seen: Observation) -> None:
    if not 0.0 <= seen.quality <= 1.0:
        raise ValueError(f"not an observation: quality {seen.quality} is not between 0 and 1")
    for name, score in (("score", seen.score), ("colour_score", seen.colour_score)):
        if score is not None and not math.isfinite(score):
            raise ValueError(f"not an observation: {name} {score} is no number")
    # High bytes of little-endian fp16 (sign, 5 bits of exponent, ...); this costs a tenth of asking NumPy.
    if seen.vector[1::2].translate(None, _FINITE_HIGH_BYTES):
        raise ValueError("not an observation: a vector with NaN or infinities")


def pack_vector(vector: NDArray[np.floating]) -> bytes:
    """(D,) floats as little-endian fp16."""
    return np.asarray(vector, "<f2").tobytes()


def unpack_vector(packed: bytes) -> NDArray[np.float32]:
    """(D,) float32, normalised again after its trip through fp16; raises ValueError if it cannot be."""
    if not packed or len(packed) % 2:
        raise ValueError(f"a vector of {len(packed)} bytes")
    vector = np.frombuffer(packed, "<f2").astype(np.float32)
    norm = math.sqrt(float(vector @ vector))  # half the time of NumPy's own
    if not math.isfinite(norm) or norm < 1e-3:
        raise ValueError(f"a vector of norm {norm}")
    return vector / np.float32(norm)
