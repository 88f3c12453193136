"""Network cameras through PyAV: RTSP with the camera's own time, HTTP by media time."""

import threading
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import av
import av.container
import av.error
from av.stream import Discard

from ingest.camera import Camera
from ingest.clock import NS, Clock, SystemClock
from ingest.decoding.container import best_video, invents_times, other_videos, packets, reason
from ingest.decoding.display import image_of
from ingest.errors import SourceError
from ingest.frame import Frame
from ingest.network.arriving import SenderReports, anchored
from ingest.network.capture_times import CaptureTimes
from ingest.network.hls import HlsTimes
from ingest.network.open_stream import Failure, open_stream, refusal, with_password
from ingest.network.packet_tap import PacketListener, PacketTap
from ingest.network.stream_clock import REPORT_WAIT_S
from ingest.network.stream_decoder import StreamDecoder
from ingest.redact import redact, redact_source
from ingest.status import SourceStatus

SEGMENTED_READ_S = 15.0
"""Between two segments of an HLS stream nothing comes, which is no failure."""


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
        listener: PacketListener | None = None,
    ) -> None:
        """`transport` is how RTP travels, `tcp` or `udp`; a stall is noticed after `read_s` to twice of it.

        listener: is handed the packets of H.264 video.
        """
        self._camera_id = camera.id
        self._clock = clock or SystemClock()
        self._rtsp = camera.scheme.startswith("rtsp")
        self._read_s = read_s
        self._closed = threading.Event()
        self._playing = threading.Lock()
        self._left_out: Counter[str] = Counter()
        self._shown = redact(redact_source(camera.source), [password] if password else [])
        self._times = CaptureTimes(
            (camera.id, self._shown), self._clock, self._left_out, report_wait_s=report_wait_s if self._rtsp else None
        )
        opened = self._connect(with_password(camera.source, password), transport, open_s, read_s)
        del password  # from here on errors may be raised, and a traceback shows what is named here
        if not isinstance(opened, av.container.InputContainer):
            what = f"camera '{self._camera_id}': cannot open {self._shown}"
            raise refusal(what, opened, transport if self._rtsp else "", open_s)
        self._container = opened
        stream = best_video(opened)
        assert stream is not None  # `open_stream` has seen one with a size
        self._stream = stream
        self._choice = other_videos(opened, stream)
        for other in opened.streams.video:
            if other.index != stream.index:
                other.discard = Discard.all  # not even fetched, where the format allows that
        if not self._rtsp and not invents_times(opened):
            self._times.follow_media()
        self._decoder = StreamDecoder(stream, self._clock, self._left_out)
        shown = listener is not None and stream.codec_context.name == "h264"
        self._tap = PacketTap(stream, listener) if shown and listener is not None else None

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
        self._times.follow_playlist(HlsTimes(url, (open_s, open_s), self._clock), self._closed)
        return open_stream(url, {"live_start_index": "-1"}, (open_s, self._read_s), self._clock)

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
        left_out = Counter(dict(self._left_out))  # a copy at once: another thread counts
        return SourceStatus(
            self._times.status(), self._times.decoded, left_out, (self._choice,) if self._choice else ()
        )

    @property
    def key_interval_s(self) -> float | None:
        """Seconds between the last two key frames; None before there were two."""
        interval_ns = self._decoder.key_interval_ns
        return None if interval_ns is None else interval_ns / NS

    def decode_key_frames_only(self, on: bool) -> None:
        """Decode key frames only, to spare the processor, or all again; takes effect at the next key frame."""
        self._decoder.key_frames_only = on

    def _stamped_frames(self) -> Iterator[Frame]:
        decoded_frames = self._decoder.frames(self._packets())
        codec = self._stream.codec_context.name
        for decoded, captured_ns, quality in self._times.stamped(decoded_frames, codec, self._closed):
            if self._tap is not None:
                self._tap.stamped(decoded.media_ns, captured_ns)
            image = image_of(decoded.frame, self._stream)
            yield Frame(self._camera_id, decoded.sequence, captured_ns, quality, image)

    def _packets(self) -> "Iterator[av.Packet[av.VideoStream]]":
        """The packets of the stream until it is closed."""
        held_for = self._times.held_at_first
        ours = (packet for packet, ours in packets(self._container, self._stream) if ours)
        reports = SenderReports(self._container, self._times.stream_clock, self._clock)
        for packet in ours if held_for is None else anchored(ours, held_for, self._clock):
            if self._closed.is_set():
                return
            if self._rtsp:
                reports.observe(packet)
            if self._tap is not None:
                self._tap.take(packet)
            yield packet
