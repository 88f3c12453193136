"""Network cameras through PyAV: RTSP with the camera's own time, HTTP by media time."""

import struct
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import urlsplit

import av
import av.container
import av.error
from av.stream import Discard

from ingest.camera import Camera
from ingest.clock import NS, Clock, SystemClock
from ingest.decoding.container import best_video, invents_times, other_videos, reason
from ingest.decoding.continuity import CONFIRMED_BY, Continuity
from ingest.decoding.display import image_of
from ingest.decoding.left_out import LeftOut
from ingest.errors import AuthFailedError, SourceError
from ingest.frame import ClockQuality, Frame
from ingest.network.hls import Anchor, HlsTimes
from ingest.network.media_clock import MediaClock
from ingest.network.open_stream import Failure, open_stream, with_password
from ingest.network.pace import Pace
from ingest.network.stream_clock import REPORT_WAIT_S, StreamClock
from ingest.redact import redact, redact_source
from ingest.status import SourceStatus

JUMP_S = 10.0
"""Media time that jumps further, and stays there, makes a new session."""

JUMP_FRAMES = 8
"""Recorders that stamp a frame wrongly now and then do so for a few in a row as well."""

DAMAGE_S = 5.0
"""Longest time without frames after a damaged one, until a key frame comes: some cameras never send one."""

SEGMENTED_READ_S = 15.0
"""Between two segments of an HLS stream nothing comes, which is no failure."""

ANCHORED_EVERY_S = 60.0
"""Interval at which a playlist's times are read again, to follow a clock that drifts."""

HELD_S = 1.0
"""Time that the first packets of a stream over HTTP are held: servers send what they have kept, all at once."""


class StreamedVideo:
    """A camera on the network. Implements VideoSource.

    Capture times are the camera's own (`rtcp`) where it sends them and they make sense, those of an HLS playlist
    (`playlist`), or those of arrival. Over HTTP frames are as far apart as their media times say, arrival only anchors
    them, and those of a segment are delivered at the pace at which they were captured. Within a session times rise
    strictly, and what is left out is counted by reason. Raises AuthFailedError where the camera refuses us (401, 403,
    404), SourceError where it cannot be reached, sends nothing for `read_s`, or breaks off.

    The password joins the URL only at `av.open` and never leaves: messages carry the source as it was configured.
    """

    def __init__(
        self,
        camera: Camera,
        password: str | None,
        *,
        clock: Clock | None = None,
        transport: str = "tcp",
        open_s: float = 5.0,
        read_s: float = 3.0,
        report_wait_s: float = REPORT_WAIT_S,
    ) -> None:
        """`transport` is how RTP travels, `tcp` or `udp`; a stall is noticed after `read_s` to twice of it."""
        self._camera_id = camera.id
        self._clock = clock or SystemClock()
        self._rtsp = camera.scheme.startswith("rtsp")
        self._transport = transport if self._rtsp else ""
        self._read_s = read_s
        self._closed = threading.Event()
        self._playing = threading.Lock()
        self._stream_clock = StreamClock(report_wait_s=report_wait_s if self._rtsp else 0.0)
        self._decoded = 0
        self._left_out: Counter[str] = Counter()
        # Over RTSP small steps back are for the camera's clock to judge, and what has jumped is lost with the session;
        # over HTTP a step back is a restart like any other, and what is held goes on.
        self._in_order: Continuity[_Decoded] = (
            Continuity(ahead_s=JUMP_S, back_s=JUMP_S, confirmed_by=JUMP_FRAMES)
            if self._rtsp
            else Continuity(ahead_s=JUMP_S, back_s=0.0)
        )
        self._last_media_ns: int | None = None
        self._saw_prft = False
        self._intervals: deque[int] = deque(maxlen=32)
        self._key_ns: int | None = None
        self._key_interval_ns: int | None = None
        self._key_frames_only = False  # asked for; taken up at the next key frame
        self._media_clock: MediaClock | None = None
        self._anchored_s = 0.0
        self._hls: HlsTimes | None = None
        self._pace = Pace(self._clock)
        self._shown = redact(redact_source(camera.source), [password] if password else [])
        opened = self._connect(with_password(camera.source, password), transport, open_s, read_s)
        del password  # from here on errors may be raised, and a traceback shows what is named here
        if not isinstance(opened, av.container.InputContainer):
            raise self._refusal(opened, open_s)
        self._container = opened
        stream = best_video(opened)
        assert stream is not None  # `open_stream` has seen one with a size
        self._stream = stream
        self._choice = other_videos(opened, stream)
        for other in opened.streams.video:
            if other.index != stream.index:
                other.discard = Discard.all  # not even fetched, where the format allows that
        if not self._rtsp and self._media_clock is None and not invents_times(opened):
            self._media_clock = MediaClock()

    def _connect(
        self, url: str, transport: str, open_s: float, read_s: float
    ) -> "av.container.InputContainer | Failure":
        """Never raises, as `open_stream`."""
        if self._rtsp:
            return open_stream(url, {"rtsp_transport": transport}, (open_s, read_s), self._clock)
        if not urlsplit(url).path.lower().endswith(".m3u8"):
            opened = open_stream(url, {}, (open_s, read_s), self._clock)
            if not isinstance(opened, av.container.InputContainer) or opened.format.name != "hls":
                return opened
            opened.close()
        self._read_s = max(read_s, SEGMENTED_READ_S)
        self._hls = HlsTimes(url, (open_s, open_s), self._clock)
        anchor, self._media_clock = self._hls.first(self._closed.is_set), MediaClock()
        self._anchor(anchor)
        return open_stream(url, {"live_start_index": "-1"}, (open_s, self._read_s), self._clock)

    def _anchor(self, anchor: Anchor | None) -> None:
        if anchor is not None and self._media_clock is not None:
            self._media_clock.anchor(
                anchor.media_ns, anchor.captured_ns, quality=anchor.quality, arrival_ns=self._clock.now_ns()
            )
        self._anchored_s = self._clock.monotonic_s()

    def _refusal(self, failure: Failure, open_s: float) -> SourceError:
        what = f"camera '{self._camera_id}': cannot open {self._shown}"
        if failure.refused:
            return AuthFailedError(
                f"{what}: the camera refuses: {failure.why} (check the path, the user name in the source, and the "
                "password that credentials names)"
            )
        why = f"no answer within {open_s:g} s" if failure.timed_out else failure.why
        return SourceError(f"{what}: {why}{self._transport_hint(failure)}")

    def _transport_hint(self, failure: Failure) -> str:
        """Hint at the other transport where the way that RTP travels may be the reason; empty otherwise."""
        if failure.setup and self._transport == "tcp":
            return ' (the camera may send its video by UDP only: set transport = "udp")'
        if self._transport == "udp" and (failure.setup or failure.timed_out):
            return ' (UDP may not get through, or the camera sends its video by TCP only: set transport = "tcp")'
        return ""

    def frames(self) -> Iterator[Frame]:
        broken: str | None = None
        with self._playing:
            try:
                yield from self._stamped_frames()
            except av.error.ExitError:
                broken = f"sent nothing for {self._read_s:g} s"
            except av.error.FFmpegError as error:
                broken = f"broke: {reason(error)}"
            finally:
                self._container.close()
        # Raised out here, so that the library's error, which holds the whole URL, is not even its context.
        if broken is not None and not self._closed.is_set():
            raise SourceError(f"camera '{self._camera_id}': {self._shown} {broken}")

    def close(self) -> None:
        self._closed.set()
        if self._playing.acquire(blocking=False):  # otherwise `frames` closes it
            self._container.close()
            self._playing.release()

    def status(self) -> SourceStatus:
        """Status of the source; may be called from another thread."""
        clock = (self._media_clock or self._stream_clock).status(self._clock.now_ns())
        return SourceStatus(clock, self._decoded, Counter(self._left_out), (self._choice,) if self._choice else ())

    @property
    def key_interval_s(self) -> float | None:
        """Seconds between the last two key frames; None before there were two."""
        return None if self._key_interval_ns is None else self._key_interval_ns / NS

    def decode_key_frames_only(self, on: bool) -> None:
        """Decode key frames only, to spare the processor, or all again; takes effect at the next key frame."""
        self._key_frames_only = on

    def _stamped_frames(self) -> Iterator[Frame]:
        last_ns, set_back = -1, 0
        for decoded in self._continuous():
            stamp = self._stamp(decoded)
            if stamp is None:
                self._left_out[LeftOut.EARLY] += 1
            elif stamp[0] <= last_ns:
                self._left_out[LeftOut.LATE] += 1
                set_back = set_back + 1 if last_ns - stamp[0] > JUMP_S * NS else 0
                if set_back == CONFIRMED_BY:
                    raise SourceError(
                        f"camera '{self._camera_id}': this machine's clock, by which {self._shown} is timed, went back "
                        f"by {(last_ns - stamp[0]) / NS:.1f} s"
                    )
            else:
                last_ns, set_back = stamp[0], 0
                if self._hls is not None:
                    self._pace.wait_for(last_ns, self._closed)
                yield Frame(self._camera_id, decoded.sequence, *stamp, image_of(decoded.frame, self._stream))

    def _stamp(self, decoded: "_Decoded") -> tuple[int, ClockQuality] | None:
        if self._media_clock is None:
            return self._stream_clock.stamp(decoded.media_ns, decoded.arrival_ns)
        assert decoded.media_ns is not None
        if self._hls is not None and self._clock.monotonic_s() - self._anchored_s > ANCHORED_EVERY_S:
            self._anchor(self._hls.again())
        return self._media_clock.stamp(decoded.media_ns, decoded.arrival_ns)

    def _continuous(self) -> "Iterator[_Decoded]":
        """The frames whose media time follows the one before; one that is far off is left out.

        Where the media time has jumped for good, a stream over HTTP goes on; RTSP raises SourceError.
        """
        for frame in self._undamaged():
            media_ns = None if frame.pts is None else _ns(frame.pts, frame)
            decoded = _Decoded(self._decoded, frame, media_ns, self._arrival_ns())
            self._decoded += 1
            if media_ns is not None and (self._rtsp or self._media_clock is not None):
                yield from self._confirmed(media_ns, decoded)
            elif self._media_clock is None:
                yield decoded  # stamped by arrival
            else:
                self._left_out[LeftOut.UNTIMED] += 1

    def _confirmed(self, media_ns: int, decoded: "_Decoded") -> "Iterator[_Decoded]":
        before_s = self._in_order.last_s
        passed = self._in_order.take(media_ns / NS, decoded)
        lost = len(passed.accepted) if passed.jumped and self._media_clock is None else 0
        self._left_out += Counter({LeftOut.STRAY: passed.stray + lost, LeftOut.LATE: passed.late})
        if passed.jumped:
            self._take_jump(passed.accepted[0][1], passed.accepted[0][0] - (before_s or 0.0))
        for _, one in passed.accepted:
            self._note_interval(one)
            yield one

    def _take_jump(self, first: "_Decoded", step_s: float) -> None:
        if self._media_clock is None:
            raise SourceError(f"camera '{self._camera_id}': the time stamps of {self._shown} jumped by {step_s:+.1f} s")
        assert first.media_ns is not None
        usual_ns = sorted(self._intervals)[len(self._intervals) // 2] if self._intervals else NS // 25
        self._media_clock.go_on(first.media_ns, usual_ns)
        self._anchored_s = -ANCHORED_EVERY_S  # a playlist knows how long the gap was

    def _note_interval(self, decoded: "_Decoded") -> None:
        before_ns, self._last_media_ns = self._last_media_ns, decoded.media_ns
        if before_ns is not None and decoded.media_ns is not None and 0 < decoded.media_ns - before_ns < NS:
            self._intervals.append(decoded.media_ns - before_ns)

    def _arrival_ns(self) -> int:
        """Now, less the interval for which the parser held the frame back, waiting for the next one's beginning."""
        held = self._rtsp and self._stream.codec_context.name in ("h264", "hevc")
        return self._clock.now_ns() - (min(self._intervals) if held and self._intervals else 0)

    def _packets(self) -> "Iterator[av.Packet[av.VideoStream]]":
        """The packets of the stream as they come; over HTTP, once it is known how far arrival is behind."""
        packets = self._container.demux(self._stream)
        if self._media_clock is None or self._hls is not None:
            yield from packets
            return
        held, until_s, bounds_ns = [], self._clock.monotonic_s() + HELD_S, []
        broken: av.error.FFmpegError | None = None
        try:
            for packet in packets:
                held.append(packet)
                if packet.pts is not None:
                    bounds_ns.append(self._clock.now_ns() - _ns(packet.pts, packet))
                if self._clock.monotonic_s() >= until_s:
                    break
        except av.error.FFmpegError as error:
            broken = error
        if bounds_ns:
            now_ns = self._clock.now_ns()
            self._media_clock.anchor(0, min(bounds_ns), quality=ClockQuality.ARRIVAL, arrival_ns=now_ns)
        yield from held
        if broken is not None:
            raise broken
        for packet in packets:
            if packet.pts is not None:
                self._media_clock.follow(_ns(packet.pts, packet), self._clock.now_ns())
            yield packet

    def _undamaged(self) -> Iterator[av.VideoFrame]:
        """The decoded frames, without those that lack what they refer to."""
        damaged_s: float | None = None
        for packet in self._packets():
            if self._closed.is_set():
                return
            self._observe(packet)
            if packet.is_keyframe and packet.pts is not None:
                self._note_key_frame(packet)
            try:
                decoded_frames = packet.decode()
            except av.error.InvalidDataError:
                decoded_frames = []
                self._left_out[LeftOut.DAMAGED] += 1
                damaged_s = self._clock.monotonic_s()
            for decoded in decoded_frames:
                if decoded.is_corrupt:
                    damaged_s = self._clock.monotonic_s()
                elif decoded.key_frame or (damaged_s and self._clock.monotonic_s() - damaged_s > DAMAGE_S):
                    damaged_s = None
                if damaged_s is None:
                    yield decoded
                else:
                    self._left_out[LeftOut.DAMAGED] += 1

    def _note_key_frame(self, packet: "av.Packet[av.VideoStream]") -> None:
        assert packet.pts is not None
        key_ns = _ns(packet.pts, packet)
        if self._key_ns is not None and key_ns > self._key_ns:
            self._key_interval_ns = key_ns - self._key_ns
        self._key_ns = key_ns
        # Only here: frames between two key frames cannot be decoded without those before them.
        decoder = self._stream.codec_context
        decoder.skip_frame = "NONKEY" if self._key_frames_only else "DEFAULT"

    def _observe(self, packet: "av.Packet[av.VideoStream]") -> None:
        if not self._rtsp or packet.pts is None:
            return
        wall_ns: int | None = None
        if packet.has_sidedata("prft"):
            self._saw_prft = True
            wall_ns = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))[0] * 1000
        elif not self._saw_prft and (start_us := self._container.start_time_realtime):
            wall_ns = start_us * 1000 + _ns(packet.pts, packet)
        report = packet.has_sidedata("rtcp_sr")
        self._stream_clock.observe(_ns(packet.pts, packet), wall_ns, self._clock.now_ns(), report=report)


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """A decoded frame: its number in the session, its media time where it has one, and when it came (Unix)."""

    sequence: int
    frame: av.VideoFrame
    media_ns: int | None
    arrival_ns: int


def _ns(pts: int, timed: "av.VideoFrame | av.Packet[av.VideoStream]") -> int:
    """A time stamp in nanoseconds."""
    return round(pts * (timed.time_base or Fraction(1, 90_000)) * NS)
