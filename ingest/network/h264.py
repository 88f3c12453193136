"""Recordings and rendered frames as H.264 access units, for a server that plays the camera."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from ingest.clock import NS
from ingest.decoding.container import local
from ingest.errors import SourceError
from ingest.frame import Image
from ingest.network.access_unit import RTP_CLOCK_HZ, AccessUnit

TICKS = Fraction(1, RTP_CLOCK_HZ)


class H264Encoder:
    """Encoder of frames of one size without delay: one access unit a frame, no B-frames."""

    def __init__(self, size: tuple[int, int], frames_per_s: float, *, key_interval_s: float = 1.0) -> None:
        """Open an encoder; `size` is width and height in pixels, both even."""
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, av.VideoCodecContext)
        rate = Fraction(frames_per_s).limit_denominator(1001)
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.framerate = rate
        context.time_base = TICKS
        context.gop_size = max(1, round(key_interval_s * rate))
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": "23",
            "x264-params": "scenecut=0:repeat-headers=1:threads=1",
        }
        self._context = context

    def encode(self, image: Image, captured_ns: int) -> list[AccessUnit]:
        """Encode a frame, (H, W, 3) uint8 BGR, as access units: one."""
        av_frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        av_frame.pts = captured_ns * RTP_CLOCK_HZ // NS
        av_frame.time_base = TICKS
        return [
            AccessUnit(bytes(packet), av_frame.pts, captured_ns, packet.is_keyframe)
            for packet in self._context.encode(av_frame)
        ]


def encoded_units(
    images: Iterable[tuple[int, Image]], frames_per_s: float, *, key_interval_s: float = 1.0
) -> Iterator[AccessUnit]:
    """Encode frames with their capture times (Unix nanoseconds, rising) as access units, as they come."""
    encoder: H264Encoder | None = None
    for captured_ns, image in images:
        if encoder is None:
            height, width = image.shape[:2]
            encoder = H264Encoder((width, height), frames_per_s, key_interval_s=key_interval_s)
        yield from encoder.encode(image, captured_ns)


def recorded_units(path: Path, *, starts_ns: int, loop: bool = False) -> Iterator[AccessUnit]:
    """Read a file's H.264 frames as they are, nothing encoded anew, in decoding order.

    The first frame is captured at `starts_ns`; with `loop` the file follows on itself for ever. Raises SourceError
    where the file cannot be read or has no H.264.
    """
    offset = Fraction(0)
    while True:
        ends = Fraction(0)
        for data, media_s, length_s, keyframe in _packets(path):
            at_s = offset + media_s
            ends = max(ends, media_s + length_s)
            captured_ns = starts_ns + round(at_s * NS)
            yield AccessUnit(data, captured_ns * RTP_CLOCK_HZ // NS, captured_ns, keyframe)
        if not ends:
            raise SourceError(f"{path} has no frame with a time stamp, so that there is nothing to play")
        if not loop:
            return
        offset += ends


def _packets(path: Path) -> Iterator[tuple[bytes, Fraction, Fraction, bool]]:
    """Read packets: Annex B data, media time and length in seconds, True for a key frame."""
    failure = ""
    try:
        with av.open(local(path), metadata_errors="replace") as container:
            stream = next((each for each in container.streams.video if each.codec_context.name == "h264"), None)
            if stream is None:
                raise SourceError(f"{path} has no H.264 video; encode it first (e.g. ffmpeg -c:v libx264)")
            base = stream.time_base or TICKS
            usual = 1 / Fraction(stream.average_rate or 25)
            first = stream.start_time or 0
            annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
            for packet in container.demux(stream):
                for unit in annex_b.filter(packet if packet.size else None):
                    if unit.pts is None:
                        continue
                    length = unit.duration * base if unit.duration else usual
                    yield bytes(unit), (unit.pts - first) * base, length, unit.is_keyframe
    except av.error.FFmpegError as error:
        failure = error.strerror or type(error).__name__
    if failure:
        raise SourceError(f"cannot read {path}: {failure}")
