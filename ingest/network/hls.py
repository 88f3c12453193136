"""Capture times of the segments of an HLS stream, read from its playlist beside the demuxer."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import av.container

from ingest.clock import NS, Clock
from ingest.decoding.container import packets
from ingest.frame import ClockQuality
from ingest.network.playlist import Playlist, Segment, parse_playlist

POLL_S = 0.5
"""Between two looks for a new segment."""

PATIENCE_S = 12.0
"""A new segment is waited for no longer than this."""

PROTOCOLS = "http,https,tcp,tls,crypto,httpproxy"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The media time of a frame, and when it was captured, in nanoseconds and Unix nanoseconds."""

    media_ns: int
    captured_ns: int
    quality: ClockQuality


class HlsTimes:
    """Reads the playlist of a stream. Never raises: a traceback through here would show the URL and its password."""

    def __init__(self, url: str, timeout: tuple[float, float], clock: Clock) -> None:
        self._url, self._timeout, self._clock = url, timeout, clock

    def first(self, stopped: Callable[[], bool]) -> Anchor | None:
        """By the playlist's own times; where it has none, by the moment in which a new segment is listed.

        That moment is waited for: the segment ends then, so that it was captured from its length before on.
        """
        playlist = self._read()
        if playlist is None or not playlist.segments:
            return None
        newest = playlist.segments[-1]
        if newest.program_ns is not None:
            return self._stated(newest)
        until_s = self._clock.monotonic_s() + min(PATIENCE_S, 2 * newest.duration_s + POLL_S)
        while not playlist.ended and not stopped() and self._clock.monotonic_s() < until_s:
            self._clock.sleep(POLL_S)
            found = self._read()
            if found is not None and found.segments and found.segments[-1].url != newest.url:
                return self._published(found.segments[-1], self._clock.now_ns())
        return None

    def again(self) -> Anchor | None:
        """By the playlist's own times, now; None where it has none."""
        playlist = self._read()
        if playlist is None or not playlist.segments:
            return None
        return self._stated(playlist.segments[-1])

    def _stated(self, segment: Segment) -> Anchor | None:
        media_ns = None if segment.program_ns is None else self._begins_ns(segment)
        if media_ns is None or segment.program_ns is None:
            return None
        return Anchor(media_ns, segment.program_ns, ClockQuality.PLAYLIST)

    def _published(self, segment: Segment, now_ns: int) -> Anchor | None:
        media_ns = self._begins_ns(segment)
        captured_ns = now_ns - round(segment.duration_s * NS)
        return None if media_ns is None else Anchor(media_ns, captured_ns, ClockQuality.ARRIVAL)

    def _read(self) -> Playlist | None:
        """The media playlist; of several variants the first one, since they have one clock."""
        url = self._url
        for _ in range(2):
            text = self._text(url)
            if text is None:
                return None
            playlist = parse_playlist(text, url)
            if not playlist.variants:
                return playlist
            url = playlist.variants[0]
        return None

    def _text(self, url: str) -> str | None:
        # Through FFmpeg, so that accounts, redirections and certificates are dealt with as for the stream itself.
        try:
            with av.open(url, format="data", timeout=self._timeout, metadata_errors="replace") as container:
                return b"".join(bytes(packet) for packet in container.demux()).decode("utf-8", "replace")
        except Exception:  # of whatever kind, see above
            return None

    def _begins_ns(self, segment: Segment) -> int | None:
        """The media time of a segment's first frame."""
        options = {"protocol_whitelist": PROTOCOLS, "probesize": "100000", "analyzeduration": "0"}
        try:
            playlist = io.BytesIO(segment.alone().encode())
            with av.open(
                playlist, "r", format="hls", options=options, timeout=self._timeout, metadata_errors="replace"
            ) as container:
                for packet, ours in packets(container, container.streams.video[0]):
                    if ours and packet.pts is not None:
                        return round(packet.pts * (packet.time_base or Fraction(1, 90_000)) * NS)
        except Exception:  # of whatever kind, see above
            return None
        return None
