"""The packets of a camera's H.264 video as they came, with capture times, for whoever shows them."""

from collections.abc import Callable
from dataclasses import dataclass

import av

from ingest.network.access_unit import parameter_sets
from ingest.network.arriving import time_ns

HELD_AT_MOST = 100
"""Packets that wait for the first capture time; a stream that never gets one shows nothing."""

FRAME_NS = 40_000_000
"""Time by which a key frame without one is taken to come before the next frame: at 25 frames a second."""


@dataclass(frozen=True, slots=True)
class VideoPacket:
    """One packet: Annex B data, with the parameter sets in front of a key frame's.

    captured_ns: capture time, Unix nanoseconds. codec: the codec string of RFC 6381, `avc1.42c01f`.
    """

    captured_ns: int
    key: bool
    codec: str
    data: bytes


PacketListener = Callable[[VideoPacket], None]
"""Listener to packets; called by the decoding thread, in decoding order, and not to keep it waiting."""


class PacketTap:
    """Hands on the packets of one session. A capture time is media time plus the offset of the last stamped frame."""

    def __init__(self, stream: "av.VideoStream", listener: PacketListener) -> None:
        self._extradata = bytes(stream.codec_context.extradata or b"")
        self._listener = listener
        self._offset_ns: int | None = None
        self._held: list[tuple[int, bool, bytes]] = []
        self._untimed: bytes | None = None
        self._codec = ""

    def stamped(self, media_ns: int | None, captured_ns: int) -> None:
        """Note the capture time of a decoded frame."""
        if media_ns is None:
            return
        self._offset_ns = captured_ns - media_ns
        held, self._held = self._held, []
        for each in held:
            self._hand_on(*each)

    def take(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Hand on a packet, or hold it until a capture time is known; one without a time is left out."""
        if packet.pts is None:
            # The first key frame after an RTSP open has none, and the next one may be far off.
            self._untimed = bytes(packet) if packet.is_keyframe else None
            return
        media_ns = time_ns(packet.pts, packet)
        if self._untimed is not None and not packet.is_keyframe:
            self._hand_on_or_hold(media_ns - FRAME_NS, True, self._untimed)
        self._untimed = None
        self._hand_on_or_hold(media_ns, bool(packet.is_keyframe), bytes(packet))

    def _hand_on_or_hold(self, media_ns: int, key: bool, data: bytes) -> None:
        if self._offset_ns is not None:
            self._hand_on(media_ns, key, data)
        elif len(self._held) < HELD_AT_MOST:
            self._held.append((media_ns, key, data))

    def _hand_on(self, media_ns: int, key: bool, data: bytes) -> None:
        assert self._offset_ns is not None
        if key:
            sets = parameter_sets(data)
            if sets is None:
                data, sets = self._extradata + data, parameter_sets(self._extradata)
            if sets is not None:
                self._codec = f"avc1.{sets[0][1:4].hex()}"
        if self._codec:
            self._listener(VideoPacket(media_ns + self._offset_ns, key, self._codec, data))
