"""The files of sealed segments: never changed; another revision takes the place of one, under another name.

NUMBER.REVISION.vectors    (rows, D) little-endian fp16, in the order of their places; deleted ones are zeros
NUMBER.REVISION.rows       (rows,) ROW: interval, camera, label, colour
NUMBER.REVISION.codes      (rows, bytes) the code of each vector; made from the vectors, and made anew where it is gone
space-ENCODER.npz          the encoder's projection and centres
"""

import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from associate.sightings.columns import ROW, Rows
from deploy.search.index.catalogue import IndexDamagedError

_SEGMENT = re.compile(r"^(\d{8})\.(\d+)\.(vectors|rows|codes)\Z")
_SPACE = re.compile(r"^space-\d+\.npz\Z")
_PART = ".part"

Halves = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class SegmentName:
    """A segment's number and revision, which its files are named after."""

    number: int
    revision: int

    def file(self, folder: Path, ending: str) -> Path:
        return folder / f"{self.number:08d}.{self.revision}.{ending}"


def write_segment(folder: Path, name: SegmentName, rows: Rows, vectors: Halves) -> tuple[int, int]:
    """Write rows (N,) and vectors (N, D) durably; returns their bytes, and the checksum of the vectors."""
    packed = np.ascontiguousarray(vectors, "<f2").tobytes()
    write_durably(name.file(folder, "rows"), rows.tobytes())
    write_durably(name.file(folder, "vectors"), packed)
    return len(packed) + rows.nbytes, zlib.crc32(packed)


def write_codes(folder: Path, name: SegmentName, codes: NDArray[np.uint8]) -> int:
    """Write codes (N, bytes) durably; returns their checksum."""
    packed = np.ascontiguousarray(codes).tobytes()
    write_durably(name.file(folder, "codes"), packed)
    return zlib.crc32(packed)


def read_rows(folder: Path, name: SegmentName, count: int) -> Rows:
    """The rows (count,) of a segment; raises IndexDamagedError where they are not that many."""
    path = name.file(folder, "rows")
    packed = path.read_bytes()
    if len(packed) != count * ROW.itemsize:
        raise IndexDamagedError(f"{path} has {len(packed)} bytes, not {count * ROW.itemsize}")
    return np.frombuffer(packed, ROW).copy()


def map_vectors(folder: Path, name: SegmentName, count: int) -> Halves:
    """The vectors (count, D) of a segment, mapped; raises IndexDamagedError where they are not that many."""
    path = name.file(folder, "vectors")
    size = path.stat().st_size
    if not size or size % (2 * count):
        raise IndexDamagedError(f"{path} has {size} bytes, which are not {count} vectors")
    return np.asarray(np.memmap(path, "<f2", "r", shape=(count, size // (2 * count))))


def read_codes(folder: Path, name: SegmentName, count: int, checksum: int) -> NDArray[np.uint8] | None:
    """The codes (count, bytes) of a segment; None where the file is gone or damaged."""
    try:
        packed = name.file(folder, "codes").read_bytes()
    except FileNotFoundError:
        return None
    if zlib.crc32(packed) != checksum:
        return None
    return np.frombuffer(packed, np.uint8).reshape(count, -1)


def check_vectors(folder: Path, name: SegmentName, checksum: int) -> None:
    """Raise IndexDamagedError where a segment's vectors are gone or not those that were written."""
    path = name.file(folder, "vectors")
    try:
        found = zlib.crc32(path.read_bytes())
    except FileNotFoundError:
        raise IndexDamagedError(f"{path} is gone") from None
    if found != checksum:
        raise IndexDamagedError(f"{path} is damaged: its checksum is {found:08x}, not {checksum:08x}")


def space_file(folder: Path, encoder: int) -> Path:
    return folder / f"space-{encoder}.npz"


def write_space(folder: Path, encoder: int, state: Mapping[str, NDArray[Any]]) -> int:
    """Write a space durably; returns its checksum."""
    path = space_file(folder, encoder)
    partial = path.with_name(f"{path.name}{_PART}")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(state))
        _sync(file.fileno())
    checksum = zlib.crc32(partial.read_bytes())
    partial.replace(path)
    _sync_folder(folder)
    return checksum


def read_space(folder: Path, encoder: int) -> dict[str, NDArray[Any]]:
    """The state of a space."""
    with np.load(space_file(folder, encoder)) as stored:
        return dict(stored)


def remove_segment(folder: Path, name: SegmentName) -> None:
    """Delete a segment's files."""
    for ending in ("rows", "vectors", "codes"):
        name.file(folder, ending).unlink(missing_ok=True)


def remove_strangers(folder: Path, known: set[SegmentName]) -> int:
    """Delete what a process that was killed has left: parts, and segments that were never registered."""
    gone = 0
    for path in folder.iterdir():
        match = _SEGMENT.match(path.name)
        stranger = match is not None and SegmentName(int(match[1]), int(match[2])) not in known
        if stranger or path.name.endswith(_PART):
            path.unlink()
            gone += 1
    return gone


def is_ours(path: Path) -> bool:
    """True for a file that this module writes."""
    return bool(_SEGMENT.match(path.name) or _SPACE.match(path.name) or path.name.endswith(_PART))


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and onto the disk before it has its name."""
    partial = path.with_name(f"{path.name}{_PART}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        _sync(file.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)
