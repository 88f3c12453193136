"""RTP and RTCP packets of H.264: bytes in, bytes out (RFC 3550, RFC 6184)."""

import struct

from ingest.clock import NS
from ingest.network.access_unit import RTP_CLOCK_HZ, AccessUnit, split_annex_b

PAYLOAD_TYPE = 96
MAX_PAYLOAD = 1400
"""Bytes of a packet's payload, so that it fits an Ethernet frame."""

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""

_STAP_A, _FU_A = 24, 28
_STAPLED = 200  # only small units, parameter sets and the like, are put together


def payloads(unit: AccessUnit, max_payload: int = MAX_PAYLOAD) -> list[bytes]:
    """The payloads that carry an access unit: small units together, big ones in pieces (RFC 6184, 5.6-5.8)."""
    result: list[bytes] = []
    small: list[bytes] = []
    for nal in split_annex_b(unit.data):
        if len(nal) <= _STAPLED and sum(map(len, small)) + 2 * len(small) + len(nal) + 3 <= max_payload:
            small.append(nal)
            continue
        result += _stapled(small)
        small = []
        result += [nal] if len(nal) <= max_payload else _fragments(nal, max_payload)
    return result + _stapled(small)


def _stapled(nals: list[bytes]) -> list[bytes]:
    if len(nals) < 2:
        return nals
    importance = max(nal[0] & 0x60 for nal in nals)
    return [bytes([importance | _STAP_A]) + b"".join(struct.pack("!H", len(nal)) + nal for nal in nals)]


def _fragments(nal: bytes, max_payload: int) -> list[bytes]:
    indicator = nal[0] & 0xE0 | _FU_A
    size = max_payload - 2
    starts = range(1, len(nal), size)
    return [
        bytes([indicator, (at == 1) << 7 | (at + size >= len(nal)) << 6 | nal[0] & 0x1F]) + nal[at : at + size]
        for at in starts
    ]


def rtp_packet(payload: bytes, *, marker: bool, sequence: int, timestamp: int, source: int) -> bytes:
    """One RTP packet; `marker` says that it ends its frame (RFC 3550, 5.1)."""
    head = (0x80, marker << 7 | PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, source)
    return struct.pack("!BBHII", *head) + payload


def ntp_time(unix_ns: int) -> int:
    """Unix nanoseconds as a 64-bit NTP time: seconds since 1900, and a binary fraction of 32 bits."""
    seconds, rest_ns = divmod(unix_ns, NS)
    return (seconds + NTP_EPOCH_S & 0xFFFFFFFF) << 32 | (rest_ns << 32) // NS


def sender_report(*, source: int, wall_ns: int, timestamp: int, packets: int, octets: int) -> bytes:
    """A sender report, "at `wall_ns` the RTP clock stood at `timestamp`", with the name of its sender (6.4.1, 6.5)."""
    counts = (packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    report = struct.pack("!BBHIQIII", 0x80, 200, 6, source, ntp_time(wall_ns), timestamp & 0xFFFFFFFF, *counts)
    name = b"\x01\x08corridor\x00\x00"  # CNAME, 8 bytes, then the end of the list up to a word
    return report + struct.pack("!BBHI", 0x81, 202, 1 + len(name) // 4, source) + name


def goodbye(source: int) -> bytes:
    """Goodbye: the stream is over (6.6)."""
    return struct.pack("!BBHI", 0x81, 203, 1, source)


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet as it travels inside the RTSP connection (RFC 2326, 10.12)."""
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet


def ticks(nanoseconds: int) -> int:
    """Nanoseconds in ticks of the RTP clock."""
    return nanoseconds * RTP_CLOCK_HZ // NS
