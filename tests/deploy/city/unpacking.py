"""Packets put together again, as a receiver does."""

import struct


def unpacked(pieces: list[bytes]) -> list[bytes]:
    """Return the NAL units of RTP payloads: single, aggregated or fragmented (RFC 6184, 5.6 to 5.8)."""
    nals: list[bytes] = []
    for piece in pieces:
        kind = piece[0] & 0x1F
        if kind == 28:
            if piece[1] & 0x80:
                nals.append(bytes([piece[0] & 0xE0 | piece[1] & 0x1F]))
            nals[-1] += piece[2:]
        elif kind == 24:
            rest = piece[1:]
            while rest:
                (length,) = struct.unpack_from("!H", rest)
                nals.append(rest[2 : 2 + length])
                rest = rest[2 + length :]
        else:
            nals.append(piece)
    return nals
