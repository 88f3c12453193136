"""Recordings as recorders, telephones and exports leave them: without times, with times that jump, lying on a side."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.stream import Disposition

from ingest.frame import Image
from tests.ingest.clips import SIZE, clip_image

FPS = 25
TICKS = Fraction(1, 90_000)


def images(frames: int, size: tuple[int, int] = SIZE) -> list[Image]:
    """What `write_clip` shows."""
    return [clip_image(index, size) for index in range(frames)]


def encode(path: Path, shown: Sequence[Image], codec: str = "libx264", **how: object) -> Path:
    """Images as one video at 25 frames/s.

    container: the format, otherwise by the file's name. starts_s: the first time stamp (MPEG-TS). options: of the
    codec. pixel_aspect: of a stored pixel.
    """
    muxing = {"mpegts_copyts": "1"} if path.suffix == ".ts" else {}
    with av.open(str(path), "w", format=how.get("container"), options=muxing) as target:  # type: ignore[call-overload]
        add_video(target, shown, codec, **how)
    return path


def add_video(target: "av.container.OutputContainer", shown: Sequence[Image], codec: str, **how: object) -> None:
    """One more video in a container, written whole."""
    starts_s, options = how.get("starts_s", 0.0), how.get("options", {"preset": "veryfast"})
    stream = target.add_stream(codec, rate=FPS, options=options if codec.startswith("libx26") else {})  # type: ignore[call-overload]
    stream.height, stream.width = shown[0].shape[:2]
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if "pixel_aspect" in how:
        stream.codec_context.sample_aspect_ratio = how["pixel_aspect"]
    first = round(float(starts_s) * FPS)  # type: ignore[arg-type]
    for number, image in enumerate(shown):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        frame.pts, frame.time_base = first + number, Fraction(1, FPS)
        target.mux(stream.encode(frame))
    target.mux(stream.encode())


def bare(clip: Path, path: Path) -> Path:
    """The H.264 of an MP4 as an elementary stream, which has no time stamps."""
    with av.open(str(clip)) as source, path.open("wb") as target:
        stream = source.streams.video[0]
        annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                for unit in annex_b.filter(packet):
                    target.write(bytes(unit))
    return path


def joined(path: Path, parts: Iterable[tuple[float, Sequence[Image]]]) -> Path:
    """MPEG-TS of several parts, each with the time of its first frame, one after the other as `cat` puts them."""
    data = b""
    for starts_s, shown in parts:
        part = encode(path.with_name("part.ts"), shown, starts_s=starts_s, options={"tune": "zerolatency"})
        data += part.read_bytes()
        part.unlink()
    path.write_bytes(data)
    return path


def later_stream(path: Path, frames: int, codec: str) -> Path:
    """MPEG-TS of one video, with whose last second another stream begins: smaller frames, or sound.

    The frames before are noise: of a file 5 MB are looked at when it is opened, of a stream 100 kB.
    """
    shown, half = np.random.default_rng(1).integers(0, 256, (frames, 96, 160, 3), np.uint8), frames - FPS
    as_it_is = {"tune": "zerolatency", "preset": "ultrafast", "qp": "0"}
    data = encode(path.with_name("part.ts"), list(shown[:half]), starts_s=10.0, options=as_it_is).read_bytes()
    with av.open(str(path.with_name("part.ts")), "w", options={"mpegts_copyts": "1"}) as target:
        video = target.add_stream("libx264", rate=FPS, options={"tune": "zerolatency"})
        video.height, video.width = shown.shape[1:3]
        video.pix_fmt = "yuv420p"
        other: Any = target.add_stream(codec, rate=48_000 if codec == "aac" else FPS)
        if codec != "aac":
            other.height, other.width, other.pix_fmt = 48, 80, "yuv420p"
        for number, image in enumerate(shown[half:], start=10 * FPS + half):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(video.encode(frame))
            target.mux(other.encode(_silence(number) if codec == "aac" else frame.reformat(80, 48)))
        target.mux(video.encode())
        target.mux(other.encode())
    path.write_bytes(data + path.with_name("part.ts").read_bytes())
    return path


def _silence(number: int) -> av.AudioFrame:
    """The sound of one frame's time."""
    sound = av.AudioFrame.from_ndarray(np.zeros((1, 48_000 // FPS), np.float32), format="fltp", layout="mono")
    sound.sample_rate, sound.pts = 48_000, number * 48_000 // FPS
    return sound


QUARTERS: dict[int, tuple[int, int, int, int]] = {
    90: (0, 1 << 16, -(1 << 16), 0),
    180: (-(1 << 16), 0, 0, -(1 << 16)),
    270: (0, -(1 << 16), 1 << 16, 0),
}
"""The display matrix (a, b, c, d) by which a player turns clockwise."""


def turned(path: Path, shown: Sequence[Image], degrees: int) -> Path:
    """An MP4 whose frames are stored so that a player has to turn them clockwise by `degrees`."""
    matrix = QUARTERS[degrees]
    return with_matrix(path, [np.rot90(image, degrees // 90) for image in shown], matrix)


def with_matrix(path: Path, stored: Sequence[Image], matrix: tuple[int, int, int, int]) -> Path:
    """An MP4 with a display matrix (a, b, c, d) in its track header."""
    encode(path, stored)
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    a, b, c, d = matrix
    at = data.index(plain, data.index(b"tkhd"))
    path.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + len(plain) :])
    return path


def with_cover(path: Path, shown: Sequence[Image]) -> Path:
    """An MP4 that demuxers list a cover image of as its first video stream."""
    encode(path, shown)
    jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), (40, 120, 200), np.uint8))[1].tobytes()
    handler = _atom(b"hdlr", struct.pack(">II4s4sIIB", 0, 0, b"mdir", b"appl", 0, 0, 0))
    cover = _atom(b"covr", _atom(b"data", struct.pack(">II", 13, 0) + jpeg))
    user_data = _atom(b"udta", _atom(b"meta", b"\0\0\0\0" + handler + _atom(b"ilst", cover)))
    written = b""
    for kind, body in _atoms(path.read_bytes()):
        if kind == b"moov":
            inner = [each for each in _atoms(body) if each[0] != b"udta"]
            body = _atom(*inner[0]) + user_data + b"".join(_atom(*each) for each in inner[1:])
        written += _atom(kind, body)
    path.write_bytes(written)
    return path


def two_videos(path: Path, small: Sequence[Image], large: Sequence[Image]) -> Path:
    """A Matroska file with a small video first; a large one after it is marked as the default."""
    with av.open(str(path), "w", options={"default_mode": "passthrough"}) as target:
        streams = []
        for shown in (small, large):
            stream = target.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
            stream.height, stream.width = shown[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.disposition = Disposition.default if shown is large else Disposition(0)
            streams.append(stream)
        for stream, shown in zip(streams, (small, large), strict=True):
            for number, image in enumerate(shown):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                target.mux(stream.encode(frame))
            target.mux(stream.encode())
    return path


def _atom(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _atoms(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found
