"""Trace, traffic as a file: streets, cameras, and the ways of all vehicles near them. The format of `.city` files.

A file is: `CORRIDOR CITY`, a byte with the version, four bytes (little-endian) with the length of the header, the
header in MessagePack, and the body in MessagePack packed with xz. What drives is kept in centimetres and tenths of
a degree, as differences of differences, low bytes apart from high bytes: one to two bytes a second and vehicle.
"""

import lzma
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.world.streets import Lane, LaneKind, Line, Streets
from ingest.synthetic.world.traffic import STEP_S, Segment, VehicleKind, Way

SUFFIX = ".city"
_MAGIC = b"CORRIDOR CITY"
_VERSION = 1
_HEADER_AT = len(_MAGIC) + 5
_MOST_HEADER = 1 << 20
_PER_M = 100
_PER_DEG = 10


class TraceHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Header of a trace, readable without unpacking its traffic.

    source: where streets and demand are from, under which licence, and what simulated them. reach_m: how far ahead
    of a camera vehicles are kept.
    """

    name: str
    source: str
    seed: int
    duration_s: float
    reach_m: float
    cameras: tuple[CameraPose, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """The traffic of a part of a city, near its cameras."""

    header: TraceHeader
    streets: Streets
    ways: tuple[Way, ...]


class _Lane(msgspec.Struct, array_like=True):
    edge: str
    place: int
    width_m: float
    kind: LaneKind
    points: int


class _Body(msgspec.Struct):
    """Body of a `.city` file.

    outline: (P, 2) int32 centimetres of all lanes, junctions and crossings, one after the other.
    segments: (S, 6) int32: row of the vehicle, first step, steps, and x, y, heading of the first point.
    """

    lanes: list[_Lane]
    junctions: list[int]
    crossings: list[int]
    outline: bytes
    vehicle_ids: list[int]
    kinds: list[VehicleKind]
    lengths_m: list[float]
    segments: bytes
    x: bytes
    y: bytes
    heading: bytes


def write_trace(trace: Trace, path: Path) -> None:
    """Write a `.city` file, replacing what is there."""
    header = msgspec.msgpack.encode(trace.header)
    body = lzma.compress(msgspec.msgpack.encode(_pack(trace)), preset=9 | lzma.PRESET_EXTREME)
    start = _MAGIC + bytes([_VERSION]) + len(header).to_bytes(4, "little")
    try:
        path.write_bytes(start + header + body)
    except OSError as error:
        raise ConfigError(f"Cannot write the traffic to {path}: {error.strerror or error}") from error


def read_trace_header(path: Path) -> TraceHeader:
    """Read the header of a trace; raises ConfigError when the file cannot be read or is none."""
    return _split(path, _bytes_of(path, _HEADER_AT + _MOST_HEADER))[0]


def read_trace(path: Path) -> Trace:
    """Read a whole trace; raises ConfigError when the file cannot be read, is none, or is damaged."""
    header, packed = _split(path, _bytes_of(path, -1))
    try:
        body = msgspec.msgpack.decode(lzma.decompress(packed), type=_Body)
        streets, ways = _streets(body), _ways(body)
    except (lzma.LZMAError, EOFError, msgspec.DecodeError, ValueError, IndexError) as error:
        raise ConfigError(f"The traffic in {path} is damaged or cut off ({error}): fetch or draw it again") from error
    return Trace(header, streets, ways)


def _bytes_of(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ConfigError(f"Cannot read the traffic in {path}: {error.strerror or error}") from error


def _split(path: Path, content: bytes) -> tuple[TraceHeader, bytes]:
    """Split a file's content into the decoded header and the packed body."""
    if not content.startswith(_MAGIC):
        raise ConfigError(f"{path} holds no city traffic (`corridor city traffic` writes such files)")
    version = content[len(_MAGIC) : len(_MAGIC) + 1]
    if version != bytes([_VERSION]):
        found = version[0] if version else "none"
        raise ConfigError(f"The traffic in {path} is of format {found}, this release reads {_VERSION}: draw it again")
    end = _HEADER_AT + int.from_bytes(content[_HEADER_AT - 4 : _HEADER_AT], "little")
    try:
        return msgspec.msgpack.decode(content[_HEADER_AT:end], type=TraceHeader), content[end:]
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"The traffic in {path} is damaged or cut off ({error}): fetch or draw it again") from error


def _pack(trace: Trace) -> _Body:
    # Step 1: the map as one list of points, and the number of points of each line
    streets = trace.streets
    lines = [lane.centre_m for lane in streets.lanes] + list(streets.junctions) + list(streets.crossings)
    # Step 2: segments in centimetres and tenths of a degree, the first point of each apart
    heads, columns = [], []
    for row, way in enumerate(trace.ways):
        for segment in way.segments:
            columns.append(points := _quantise(segment))
            heads.append((row, round(segment.from_s / STEP_S), len(points), *points[0]))
    # Step 3: differences of differences, low bytes before high bytes, as xz packs them best
    x, y, heading = (
        _low_high(np.concatenate([_bend(points[:, k]) for points in columns] or [np.zeros(0, np.int64)]))
        for k in range(3)
    )
    return _Body(
        lanes=[_Lane(each.edge, each.place, each.width_m, each.kind, len(each.centre_m)) for each in streets.lanes],
        junctions=[len(line) for line in streets.junctions],
        crossings=[len(line) for line in streets.crossings],
        outline=np.rint(np.concatenate(lines or [np.zeros((0, 2))]) * _PER_M).astype("<i4").tobytes(),
        vehicle_ids=[way.vehicle_id for way in trace.ways],
        kinds=[way.kind for way in trace.ways],
        lengths_m=[round(way.length_m, 2) for way in trace.ways],
        segments=np.array(heads, "<i4").tobytes(),
        x=x,
        y=y,
        heading=heading,
    )


def _quantise(segment: Segment) -> NDArray[np.int64]:
    columns = (segment.x_m * _PER_M, segment.y_m * _PER_M, segment.heading_deg * _PER_DEG)
    return np.rint(np.stack(columns, axis=1)).astype(np.int64)


def _bend(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take differences of differences; the first value is taken as known, the first step is not."""
    steps = np.diff(values, prepend=values[0])
    return np.diff(steps, prepend=0)


def _unbend(bends: NDArray[np.int64], first: int) -> NDArray[np.float64]:
    return (np.cumsum(np.cumsum(bends)) + first).astype(np.float64)


def _low_high(bends: NDArray[np.int64]) -> bytes:
    """Split numbers into low bytes, then high bytes, of 16 bits whose lowest one is the sign.

    Raises ValueError for a number that does not fit.
    """
    folded = np.where(bends >= 0, 2 * bends, -2 * bends - 1)
    if len(folded) and folded.max() > 0xFFFF:
        raise ValueError("a vehicle moves by more than 300 m within a step")
    return folded.astype("<u2").view(np.uint8).reshape(-1, 2).T.tobytes()


def _from_low_high(planes: bytes) -> NDArray[np.int64]:
    folded = np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(2, -1).T).view("<u2")[:, 0].astype(np.int64)
    return np.where(folded % 2 == 0, folded // 2, -(folded + 1) // 2)


def _streets(body: _Body) -> Streets:
    counts = [lane.points for lane in body.lanes] + body.junctions + body.crossings
    points = np.frombuffer(body.outline, "<i4").reshape(-1, 2) / _PER_M
    if sum(counts) != len(points):
        raise ValueError("the map has points too many or too few")
    lines: list[Line] = [np.array(line) for line in np.split(points, np.cumsum(counts)[:-1])] if counts else []
    lanes = tuple(
        Lane(lane.edge, lane.place, line, lane.width_m, lane.kind)
        for lane, line in zip(body.lanes, lines, strict=False)
    )
    others = lines[len(lanes) :]
    return Streets(lanes, tuple(others[: len(body.junctions)]), tuple(others[len(body.junctions) :]))


def _ways(body: _Body) -> tuple[Way, ...]:
    # Step 1: undo the planes of bytes
    heads = np.frombuffer(body.segments, "<i4").reshape(-1, 6)
    x, y, heading = (_from_low_high(planes) for planes in (body.x, body.y, body.heading))
    # Step 2: sum up each segment from its first point
    parts: list[list[Segment]] = [[] for _ in body.vehicle_ids]
    at = 0
    for row, first, steps, x0, y0, heading0 in heads.tolist():
        span = slice(at, at := at + steps)
        columns = (_unbend(x[span], x0) / _PER_M, _unbend(y[span], y0) / _PER_M, _unbend(heading[span], heading0))
        parts[row].append(Segment(first * STEP_S, columns[0], columns[1], columns[2] / _PER_DEG))
    if not at == len(x) == len(y) == len(heading):
        raise ValueError("vehicles have points too many or too few")
    who = zip(body.vehicle_ids, body.kinds, body.lengths_m, parts, strict=True)
    return tuple(Way(number, kind, length_m, tuple(segments)) for number, kind, length_m, segments in who)
