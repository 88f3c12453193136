"""Records of the topic `topology`: JSON, the latest one of each key."""

from enum import StrEnum

import msgspec


class Edge(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="edge"):
    """An ordered pair of cameras that vehicles go between, as association has learned it by `at_ns`.

    zone: name of the cluster of cameras.
    start: id of the camera that vehicles leave.
    end: id of the camera that they enter next.
    at_ns: event time as of which it was learned, Unix nanoseconds.
    share: of the exits of `start` that are seen next in `end`, in [0, 1].
    links: expected number of links that it stands for; older ones weigh less. 0 where the pair is none any more.
    p15_s: 15th percentile of the time from leaving the view of `start` to entering that of `end`, seconds.
    median_s: median of it; below zero where the views overlap, or the clocks differ.
    p85_s: 85th percentile of it. All three are null where the pair is none any more.
    """

    zone: str
    start: str
    end: str
    at_ns: int
    share: float
    links: float
    p15_s: float | None = None
    median_s: float | None = None
    p85_s: float | None = None

    @property
    def key(self) -> str:
        """`edge|ZONE|START|END`."""
        return f"edge|{self.zone}|{self.start}|{self.end}"


class AlarmKind(StrEnum):
    """Change of a road or a camera."""

    ROAD_CLOSED = "road_closed"  # vehicles that leave the one camera do not come to the other any more
    CAMERA_MOVED = "camera_moved"  # vehicles come and go elsewhere in the frame, or look otherwise
    CLOCK_STEPPED = "clock_stepped"  # times from and to all neighbours are shifted by the same


class Alarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="alarm"):
    """A road or a camera that is not what it was before the last minutes.

    zone: name of the cluster of cameras.
    kind: `road_closed`, `camera_moved` or `clock_stepped`.
    camera: id of the camera; of a closed road, the one that vehicles leave.
    at_ns: event time of this record, Unix nanoseconds.
    since_ns: event time at which the alarm was raised.
    end: of a closed road, id of the camera that vehicles do not come to.
    expected: of a closed road, links of the latest exits that were to be expected.
    found: links that were found of those.
    ahead_s: of a clock, seconds by which it is ahead of before; below zero where it is behind.
    gates: of a moved camera, distance between the gates that are used now and before, in [0, 1].
    looks: of a moved camera, mean cosine between vectors relative to what the camera saw before; near 0 as long as that
        is what it sees.
    over: the alarm has ended; the other figures are the last ones.
    """

    zone: str
    kind: AlarmKind
    camera: str
    at_ns: int
    since_ns: int
    end: str | None = None
    expected: float | None = None
    found: float | None = None
    ahead_s: float | None = None
    gates: float | None = None
    looks: float | None = None
    over: bool = False

    @property
    def key(self) -> str:
        """`alarm|ZONE|KIND|CAMERA`, and `|END` of a closed road."""
        return "|".join(["alarm", self.zone, self.kind, self.camera, *([self.end] if self.end else ())])

    @property
    def cameras(self) -> set[str]:
        """The one or two cameras that it is about."""
        return {self.camera, self.end or self.camera}

    def __str__(self) -> str:
        """One line for the operator."""
        if self.kind is AlarmKind.ROAD_CLOSED:
            return (
                f"the road from '{self.camera}' to '{self.end}' may be closed: of {self.expected:.0f} vehicles that "
                f"were to be expected, {self.found:.1f} came"
            )
        if self.kind is AlarmKind.CAMERA_MOVED:
            change = "moved"
            what = f"camera '{self.camera}' may have been moved: gates {self.gates:.2f}, looks {self.looks:.2f}"
        else:
            change, ahead_s = "clock_set", self.ahead_s or 0.0
            way = "ahead of" if ahead_s > 0 else "behind"
            what = f"the clock of camera '{self.camera}' may have been set: it is {abs(ahead_s):.1f} s {way} before"
        return f"{what} (if so: corridor cameras changed FILE {self.camera} {change})"


RoadRecord = Edge | Alarm
"""Whatever stands on the topic."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[RoadRecord] = msgspec.json.Decoder(RoadRecord)


def encode(record: RoadRecord) -> bytes:
    """One record of the topic `topology`."""
    return _encoder.encode(record)


def decode(record: bytes) -> RoadRecord:
    """Decode a record of the topic; raises ValueError where it is none."""
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not of the topology: {error}") from error
