"""The packets of a network stream as they come, and what they say about its clocks."""

import struct
from collections.abc import Iterator
from fractions import Fraction

import av
import av.container
import av.error

from ingest.clock import NS, Clock
from ingest.frame import ClockQuality
from ingest.network.media_clock import MediaClock
from ingest.network.stream_clock import StreamClock

HELD_S = 1.0
"""Time that the first packets of a stream over HTTP are held: servers send what they have kept, all at once."""


def anchored(
    arriving: "Iterator[av.Packet[av.VideoStream]]", media_clock: MediaClock, clock: Clock
) -> "Iterator[av.Packet[av.VideoStream]]":
    """The packets of a stream over HTTP, once it is known how far arrival is behind; their arrival moves the clock."""
    # Step 1: hold the first ones; the least of arrival less media time is the anchor
    held, until_s, bounds_ns = [], clock.monotonic_s() + HELD_S, []
    broken: av.error.FFmpegError | None = None
    try:
        for packet in arriving:
            held.append(packet)
            if packet.pts is not None:
                bounds_ns.append(clock.now_ns() - time_ns(packet.pts, packet))
            if clock.monotonic_s() >= until_s:
                break
    except av.error.FFmpegError as error:
        broken = error
    if bounds_ns:
        media_clock.anchor(0, min(bounds_ns), quality=ClockQuality.ARRIVAL, arrival_ns=clock.now_ns())
    yield from held
    if broken is not None:
        raise broken
    # Step 2: from now on packet by packet
    for packet in arriving:
        if packet.pts is not None:
            media_clock.follow(time_ns(packet.pts, packet), clock.now_ns())
        yield packet


class SenderReports:
    """Tells a clock what the packets of an RTSP stream say about the camera's own time."""

    def __init__(self, container: av.container.InputContainer, stream_clock: StreamClock, clock: Clock) -> None:
        self._container, self._stream_clock, self._clock = container, stream_clock, clock
        self._saw_prft = False

    def observe(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Take in the producer reference time or the sender report that came with a packet."""
        if packet.pts is None:
            return
        media_ns, wall_ns = time_ns(packet.pts, packet), None
        if packet.has_sidedata("prft"):
            self._saw_prft = True
            wall_ns = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))[0] * 1000
        elif not self._saw_prft and (start_us := self._container.start_time_realtime):
            wall_ns = start_us * 1000 + media_ns
        report = packet.has_sidedata("rtcp_sr")
        self._stream_clock.observe(media_ns, wall_ns, self._clock.now_ns(), report=report)


def time_ns(pts: int, timed: "av.VideoFrame | av.Packet[av.VideoStream]") -> int:
    """A time stamp in nanoseconds."""
    return round(pts * (timed.time_base or Fraction(1, 90_000)) * NS)
