"""The end of an image by its own structure: a file may have more behind it, and one that was cut short has none.

Telephones append depth maps and films to a JPEG, cameras pad to blocks; so the last bytes of a file say nothing.
"""

import re
import struct

JPEG, PNG, BMP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM"
_SEGMENT = re.compile(rb"\xff[^\x00\xff]")
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker within entropy-coded data: 0xff before 0x00 is a byte of the data, D0 to D7 restart it."""

END_OF_IMAGE, START_OF_SCAN, BARE = 0xD9, 0xDA, frozenset({0x01, *range(0xD0, 0xD9)})
"""ITU-T T.81, table B.1; bare markers have no length."""


def is_whole(data: bytes) -> bool:
    """True of a file that holds the end of the image that it begins with, and of formats that are not known here."""
    if data.startswith(JPEG):
        return _jpeg_ends(data)
    if data.startswith(PNG):
        return _png_ends(data)
    return _bmp_ends(data) if data.startswith(BMP) else True


def _jpeg_ends(data: bytes) -> bool:
    """Step from segment to segment, and through every scan to the marker behind it (ITU-T T.81, annex B)."""
    place = len(JPEG)
    while (found := _SEGMENT.search(data, place)) is not None:  # decoders skip what is between segments
        marker, place = found[0][1], found.end()
        if marker == END_OF_IMAGE:
            return True
        if marker in BARE:
            continue
        place += int.from_bytes(data[place : place + 2], "big")
        if marker == START_OF_SCAN:
            behind = _MARKER.search(data, place)
            if behind is None:
                return False
            place = behind.start()
    return False


def _png_ends(data: bytes) -> bool:
    """Step from chunk to chunk (PNG, 5.3): length, kind, data, check."""
    place = len(PNG)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        place += 12 + int(length)
        if kind == b"IEND":
            return place <= len(data)
    return False


def _bmp_ends(data: bytes) -> bool:
    """True where a BMP holds all pixels that its header promises; compressed ones are taken to be whole."""
    if len(data) < 54:
        return False
    begins, header = struct.unpack_from("<II", data, 10)
    if header < 40:  # older than Windows 3
        return True
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression not in (0, 3):
        return True
    row_bytes: int = (width * bits + 31) // 32 * 4
    ends: int = begins + row_bytes * abs(height)
    return ends <= len(data)
