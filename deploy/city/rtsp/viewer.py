"""One client that plays a mount: its RTP stream and its sender reports."""

import asyncio
import random

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.packets import goodbye, interleaved, payloads, rtp_packet, sender_report, ticks
from ingest.clock import NS
from ingest.network.access_unit import AccessUnit

MAX_BACKLOG = 8 << 20
"""Bytes that wait for a slow client; beyond them it misses frames up to the next key frame."""


class Viewer:
    """Client that is sent access units over an RTSP connection."""

    def __init__(self, transport: asyncio.WriteTransport, channel: int, rng: random.Random) -> None:
        self.sequence = rng.randrange(1 << 16)
        self.source = rng.randrange(1 << 32)
        self._transport = transport
        self._channel = channel
        self._offset = rng.randrange(1 << 32)  # RTP timestamps begin anywhere (RFC 3550, 5.1)
        self._waits_for_key = False
        self._packets = 0
        self._octets = 0
        self._report_ns: int | None = None
        self.skipped = 0

    def send(self, unit: AccessUnit, faults: Faults, *, now_ns: int, camera_ns: int) -> None:
        """Send one frame; `camera_ns` is its capture time by the camera's clock."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_BACKLOG:
            self._waits_for_key = True
        if self._waits_for_key and not unit.keyframe:
            self.skipped += 1
            return
        self._waits_for_key = False
        timestamp = self._offset + unit.pts_90k + ticks(round(faults.rtp_jump_s * NS))
        if self._report_ns is None:
            self._report_ns = now_ns + round(faults.first_report_s * NS)
        if now_ns >= self._report_ns:
            self._report_ns = now_ns + round(faults.report_interval_s * NS)
            if faults.sender_reports:
                self._report(timestamp, unit.captured_ns, now_ns=now_ns, camera_ns=camera_ns)
        pieces = payloads(unit)
        for number, payload in enumerate(pieces, 1):
            packet = rtp_packet(
                payload,
                marker=number == len(pieces),
                sequence=self.sequence,
                timestamp=timestamp,
                source=self.source,
            )
            self.sequence += 1
            self._packets += 1
            self._octets += len(payload)
            self._transport.write(interleaved(self._channel, packet))

    def _report(self, timestamp: int, captured_ns: int, *, now_ns: int, camera_ns: int) -> None:
        """Send a report of this moment, not of the frame, which is a little older."""
        age_ns = now_ns - captured_ns
        report = sender_report(
            source=self.source,
            wall_ns=max(0, camera_ns + age_ns),
            timestamp=timestamp + ticks(age_ns),
            packets=self._packets,
            octets=self._octets,
        )
        self._transport.write(interleaved(self._channel + 1, report))

    def end(self) -> None:
        """Say that the stream is over, and close."""
        if not self._transport.is_closing():
            self._transport.write(interleaved(self._channel + 1, goodbye(self.source)))
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()
