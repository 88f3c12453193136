"""Access unit: one coded H.264 frame on its way to or from a camera."""

from dataclasses import dataclass

RTP_CLOCK_HZ = 90_000
"""Ticks per second of H.264 over RTP (RFC 6184, section 5.1)."""

SEQUENCE_PARAMETERS, PICTURE_PARAMETERS, KEY_SLICE = 7, 8, 5
"""NAL unit types (ITU-T H.264, table 7-1)."""


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnit:
    """Access unit of one frame as H.264 in Annex B form, key frames with their parameter sets in front.

    `pts_90k` is the presentation time in ticks of 1/90000 s; it need not start at 0 and wraps nowhere.
    `captured_ns` is when the frame was captured, Unix time in nanoseconds; it may lie ahead.
    """

    data: bytes
    pts_90k: int
    captured_ns: int
    keyframe: bool


def split_annex_b(data: bytes) -> list[bytes]:
    """Split an Annex B byte stream into its NAL units, without start codes and padding zeros."""
    parts = data.split(b"\x00\x00\x01")[1:]
    return [nal for nal in (part.rstrip(b"\x00") for part in parts) if nal]


def nal_type(nal: bytes) -> int:
    """Type of a NAL unit (ITU-T H.264, table 7-1), 0 to 31."""
    return nal[0] & 0x1F


def parameter_sets(data: bytes) -> tuple[bytes, bytes] | None:
    """Find the first sequence and picture parameter set of an Annex B byte stream; None if it lacks one."""
    found = {nal_type(nal): nal for nal in reversed(split_annex_b(data))}
    if SEQUENCE_PARAMETERS not in found or PICTURE_PARAMETERS not in found:
        return None
    return found[SEQUENCE_PARAMETERS], found[PICTURE_PARAMETERS]
