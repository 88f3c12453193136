"""The size of an image by its header, before anything is decoded."""

import re
import struct

from training.datasets.image_end import JPEG, PNG

_SEGMENT = re.compile(rb"\xff([^\x00\xff])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame header, which has its size (ITU-T T.81, B.2.2)."""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG or PNG by its header; None for anything else."""
    if data.startswith(PNG) and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return int(width), int(height)
    return _jpeg_size(data) if data.startswith(JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = len(JPEG)
    while (found := _SEGMENT.search(data, place)) is not None:
        place = found.end()
        if found[1][0] in _FRAMES:
            if place + 7 > len(data):
                return None
            height, width = struct.unpack_from(">HH", data, place + 3)
            return int(width), int(height)
        place += int.from_bytes(data[place : place + 2], "big")
    return None
