"""Records of the topic `topology`: JSON, the latest one of each key."""

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


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Edge)


def encode(record: Edge) -> bytes:
    """One record of the topic `topology`."""
    return _encoder.encode(record)


def decode(record: bytes) -> Edge:
    """Decode a record of the topic; raises ValueError where it is none."""
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not of the topology: {error}") from error
