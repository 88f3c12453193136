"""Packets of a network stream to frames: without those that lack what they refer to, or key frames only."""

from collections import Counter
from collections.abc import Iterable, Iterator

import av
import av.error

from ingest.clock import Clock
from ingest.decoding.left_out import LeftOut
from ingest.network.arriving import time_ns

DAMAGE_S = 5.0
"""Longest time without frames after a damaged one, until a key frame comes: some cameras never send one."""


class StreamDecoder:
    """Decoder of one session; damaged frames are counted in `left_out`.

    key_frames_only: whether only key frames are to be decoded, to spare the processor; may be set from another thread
    and takes effect at the next key frame. key_interval_ns: from the last but one key frame to the last; None before
    there were two.
    """

    def __init__(self, stream: "av.VideoStream", clock: Clock, left_out: Counter[str]) -> None:
        self.key_frames_only = False
        self.key_interval_ns: int | None = None
        self._stream, self._clock, self._left_out = stream, clock, left_out
        self._key_ns: int | None = None
        self._damaged_s: float | None = None

    def frames(self, arriving: "Iterable[av.Packet[av.VideoStream]]") -> Iterator[av.VideoFrame]:
        """The frames that show what the camera saw."""
        for packet in arriving:
            if packet.is_keyframe and packet.pts is not None:
                self._note_key_frame(time_ns(packet.pts, packet))
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                self._left_out[LeftOut.DAMAGED] += 1
                self._damaged_s = self._clock.monotonic_s()
                continue
            yield from filter(self._is_whole, decoded)

    def _is_whole(self, frame: av.VideoFrame) -> bool:
        """False, and counted, for a damaged frame and for those that refer to it."""
        damaged_s = self._damaged_s
        if frame.is_corrupt:
            self._damaged_s = self._clock.monotonic_s()
        elif frame.key_frame or (damaged_s is not None and self._clock.monotonic_s() - damaged_s > DAMAGE_S):
            self._damaged_s = None
        if self._damaged_s is not None:
            self._left_out[LeftOut.DAMAGED] += 1
        return self._damaged_s is None

    def _note_key_frame(self, key_ns: int) -> None:
        if self._key_ns is not None and key_ns > self._key_ns:
            self.key_interval_ns = key_ns - self._key_ns
        self._key_ns = key_ns
        # Only here: frames between two key frames cannot be decoded without those before them.
        self._stream.codec_context.skip_frame = "NONKEY" if self.key_frames_only else "DEFAULT"
