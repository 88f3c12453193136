"""Network cameras through PyAV: RTSP with the camera's own time, HTTP by arrival."""

import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.container
import av.error

from ingest.camera import Camera
from ingest.clock import NS, Clock, SystemClock
from ingest.errors import AuthFailedError, SourceError
from ingest.frame import Frame
from ingest.network.status import StreamStatus
from ingest.network.stream_clock import REPORT_WAIT_S, StreamClock
from ingest.redact import redact, redact_source
from ingest.secrets import PLACEHOLDER
from ingest.video import bgr, reason

PROBE_BYTES = {"rtsp": (32, 500_000), "http": (100_000, 5_000_000)}
"""How much to read before the stream is believed known; the next step where the one before found no frame size."""

JUMP_S = 10.0
"""Media time that jumps further makes a new session."""

DAMAGE_S = 5.0
"""After a damaged frame none is delivered until a key frame, or for this long: some cameras never send one."""

REFUSALS = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError, av.error.HTTPNotFoundError)


class StreamedVideo:
    """A camera on the network. Implements VideoSource.

    Capture times are the camera's own (`rtcp`) where it sends them and they make sense, otherwise those of arrival;
    within a session they rise strictly, and frames whose time does not are left out and counted. Raises
    AuthFailedError where the camera refuses us (401, 403, 404), SourceError where it cannot be reached, sends nothing
    for `read_s`, or breaks off.

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
        self._decoded = self._early = self._late = self._damaged = 0
        self._saw_prft = False
        self._intervals: deque[int] = deque(maxlen=32)
        self._key_ns: int | None = None
        self._key_interval_ns: int | None = None
        self._key_frames_only = False  # asked for; taken up at the next key frame
        options = {"rtsp_transport": transport} if self._rtsp else {}
        self._shown = redact(redact_source(camera.source), [password] if password else [])
        opened = _open(with_password(camera.source, password), options, (open_s, read_s), self._clock)
        del password  # from here on errors may be raised, and a traceback shows what is named here
        if not isinstance(opened, av.container.InputContainer):
            raise self._refusal(opened, open_s)
        self._container = opened

    def _refusal(self, failure: "_Failure", open_s: float) -> SourceError:
        what = f"camera '{self._camera_id}': cannot open {self._shown}"
        if failure.refused:
            return AuthFailedError(
                f"{what}: the camera refuses: {failure.why} (check the path, the user name in the source, and the "
                "password that credentials names)"
            )
        why = f"no answer within {open_s:g} s" if failure.timed_out else failure.why
        return SourceError(f"{what}: {why}{self._transport_hint(failure)}")

    def _transport_hint(self, failure: "_Failure") -> str:
        """What to try where the way that RTP travels may be the reason."""
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

    def status(self) -> StreamStatus:
        """How it goes; may be called from another thread."""
        clock = self._stream_clock.status(self._clock.now_ns())
        return StreamStatus(clock, self._decoded, self._early, self._late, self._damaged)

    @property
    def key_interval_s(self) -> float | None:
        """Between the last two key frames; None before there were two."""
        return None if self._key_interval_ns is None else self._key_interval_ns / NS

    def decode_key_frames_only(self, on: bool) -> None:
        """Decode key frames only, to spare the processor, or all again; takes effect at the next key frame."""
        self._key_frames_only = on

    def _stamped_frames(self) -> Iterator[Frame]:
        last_media_ns: int | None = None
        last_ns = -1
        for decoded in self._undamaged():
            media_ns = None if decoded.pts is None else _ns(decoded.pts, decoded)
            if media_ns is not None and last_media_ns is not None:
                self._check_jump(media_ns - last_media_ns)
            last_media_ns = media_ns
            sequence, self._decoded = self._decoded, self._decoded + 1
            stamp = self._stream_clock.stamp(media_ns, self._arrival_ns())
            if stamp is None:
                self._early += 1
            elif stamp[0] <= last_ns:
                self._late += 1
            else:
                last_ns = stamp[0]
                yield Frame(self._camera_id, sequence, *stamp, bgr(decoded))

    def _check_jump(self, step_ns: int) -> None:
        if 0 < step_ns < NS:
            self._intervals.append(step_ns)
        if self._rtsp and abs(step_ns) > JUMP_S * NS:
            raise SourceError(
                f"camera '{self._camera_id}': the time stamps of {self._shown} jumped by {step_ns / NS:+.1f} s"
            )

    def _arrival_ns(self) -> int:
        """Now, less the interval for which the parser held the frame back, waiting for the next one's beginning."""
        held = self._rtsp and self._container.streams.video[0].codec_context.name in ("h264", "hevc")
        return self._clock.now_ns() - (min(self._intervals) if held and self._intervals else 0)

    def _undamaged(self) -> Iterator[av.VideoFrame]:
        """The decoded frames, without those that lack what they refer to."""
        damaged_s: float | None = None
        for packet in self._container.demux(self._container.streams.video[0]):
            if self._closed.is_set():
                return
            self._observe(packet)
            if packet.is_keyframe and packet.pts is not None:
                self._note_key_frame(packet)
            try:
                decoded_frames = packet.decode()
            except av.error.InvalidDataError:
                decoded_frames = []
                self._damaged += 1
                damaged_s = self._clock.monotonic_s()
            for decoded in decoded_frames:
                if decoded.is_corrupt:
                    damaged_s = self._clock.monotonic_s()
                elif decoded.key_frame or (damaged_s and self._clock.monotonic_s() - damaged_s > DAMAGE_S):
                    damaged_s = None
                if damaged_s is None:
                    yield decoded
                else:
                    self._damaged += 1

    def _note_key_frame(self, packet: "av.Packet[av.VideoStream]") -> None:
        assert packet.pts is not None
        key_ns = _ns(packet.pts, packet)
        if self._key_ns is not None and key_ns > self._key_ns:
            self._key_interval_ns = key_ns - self._key_ns
        self._key_ns = key_ns
        # Only here: frames between two key frames cannot be decoded without those before them.
        decoder = self._container.streams.video[0].codec_context
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


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a stream could not be opened."""

    why: str
    refused: bool = False
    timed_out: bool = False
    setup: bool = False  # RTSP: the camera was there, and did not want to send as it was asked to


def _open(
    url: str, options: dict[str, str], timeout: tuple[float, float], clock: Clock
) -> "av.container.InputContainer | _Failure":
    """Never raises: a traceback through here would show the URL. Tries the small probe first."""
    failure = _Failure("there is no video in it")
    for probe_bytes in PROBE_BYTES["rtsp" if "rtsp_transport" in options else "http"]:
        # No `nobuffer`: it throws away what was probed, and with it the first key frame.
        quick = {"flags": "low_delay", "probesize": str(probe_bytes), "analyzeduration": "0"}
        began_s = clock.monotonic_s()
        try:
            container = av.open(url, options={**options, **quick}, timeout=timeout, metadata_errors="replace")
        except REFUSALS as error:
            return _Failure(reason(error), refused=True)
        except Exception as error:  # of whatever kind: its traceback would show the URL
            if clock.monotonic_s() - began_s >= timeout[0]:  # often comes as "invalid data"
                return _Failure("no answer", timed_out=True)
            why = reason(error) if isinstance(error, av.error.FFmpegError) else type(error).__name__
            failure = _Failure(why, setup="method SETUP failed" in str(error))
            if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
                continue
            return failure
        if any(stream.codec_context.width for stream in container.streams.video):
            return container
        container.close()
    return failure


def with_password(source: str, password: str | None) -> str:
    """The URL with its password in it, percent-encoded: at every `{password}`, else behind the user name in `source`.

    A byte of the password that is no UTF-8 (`surrogateescape`) is sent as it is.
    """
    if password is None:
        return source
    encoded = quote(password.encode("utf-8", "surrogateescape"), safe="")
    if PLACEHOLDER in source:
        return source.replace(PLACEHOLDER, encoded)
    parts = urlsplit(source)
    user, separator, host = parts.netloc.rpartition("@")
    account = f"{user if separator else ''}:{encoded}"
    return urlunsplit(parts._replace(netloc=f"{account}@{host}"))


def _ns(pts: int, timed: "av.VideoFrame | av.Packet[av.VideoStream]") -> int:
    """A time stamp in nanoseconds."""
    return round(pts * (timed.time_base or Fraction(1, 90_000)) * NS)
