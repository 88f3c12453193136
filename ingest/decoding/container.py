"""An opened container: the video to read of those in it, its length, and library errors in safe words."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
from av.stream import Disposition

# FFmpeg's messages hold whole URLs, passwords included. At any level but None PyAV takes Python's lock for each of
# them, also in a decoder's threads, and whoever closes a container waits for those with the lock held: for ever.
av.logging.set_level(None)

NO_TIMESTAMPS = 0x80
"""AVFMT_NOTIMESTAMPS: the format has none, and what a packet carries is the demuxer's invention."""

RATES = (Fraction(1, 3600), Fraction(1000))
"""Frames a second that a stream may state and be believed."""


def _films(container: av.container.InputContainer) -> "list[av.VideoStream]":
    """The videos that can be decoded, without cover images."""
    videos = [each for each in container.streams.video if getattr(each, "codec_context", None) is not None]
    return [each for each in videos if not each.disposition & Disposition.attached_pic]


def best_video(container: av.container.InputContainer) -> "av.VideoStream | None":
    """FFmpeg's own choice among the videos of a container; None where there is none but cover images."""
    films = _films(container)
    best = container.streams.best("video")
    chosen = next((each for each in films if best is not None and each.index == best.index), None)
    return chosen or max(films, key=lambda each: each.width * each.height, default=None)


def other_videos(container: av.container.InputContainer, chosen: "av.VideoStream") -> str:
    """Which of several videos is read, as a sentence; empty where there is no choice. Cover images are no choice."""
    films = _films(container)
    if len(films) < 2:
        return ""
    others = ", ".join(_named(each) for each in films if each.index != chosen.index)
    return f"stream {_named(chosen)} is read, of {len(films)} videos; not read: {others}"


def _named(stream: "av.VideoStream") -> str:
    size = f"{stream.width}x{stream.height}" if stream.width else "of unknown size: it begins later"
    return f"{stream.index} ({size})"


def stated_rate(stream: "av.VideoStream") -> Fraction | None:
    """Frames a second as the stream itself states it, not as the demuxer assumes."""
    rate = stream.codec_context.framerate
    return rate if rate and RATES[0] <= rate <= RATES[1] else None


def invents_times(container: av.container.InputContainer) -> bool:
    """True of a format without time stamps, in which those of the packets are made up."""
    return bool(container.format.flags & NO_TIMESTAMPS)


def announced_s(container: av.container.InputContainer, stream: "av.VideoStream") -> float | None:
    """The length that the file states, in seconds; not every format does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def local(path: Path) -> str:
    """A file's name for FFmpeg, which takes `10:00.mp4` for an address of the protocol `10`."""
    return f"file:{path}"


def reason(error: av.error.FFmpegError) -> str:
    """The library's reason, without the file name or URL."""
    return (error.strerror or type(error).__name__).strip()


class BestTimes:
    """The time stamp of each decoded frame, with the decoding time where presentation times are the worse of the two.

    AVI and some recorders write presentation times that go up and down (FFmpeg's guess_correct_pts).
    """

    def __init__(self) -> None:
        self._faults = {"pts": 0, "dts": 0}
        self._last: dict[str, int | None] = {"pts": None, "dts": None}

    def __call__(self, frame: av.VideoFrame) -> int | None:
        """In ticks of the frame's time base; None where the frame has none."""
        for name, value in (("pts", frame.pts), ("dts", frame.dts)):
            last = self._last[name]
            if value is not None:
                self._faults[name] += last is not None and value <= last
                self._last[name] = value
        if frame.dts is None or (frame.pts is not None and self._faults["pts"] <= self._faults["dts"]):
            return frame.pts
        return frame.dts


def seconds(ticks: int, time_base: Fraction | None) -> Fraction:
    """A time stamp in seconds."""
    return ticks * (time_base or Fraction(1, 90_000))


def packets(
    container: av.container.InputContainer, stream: "av.VideoStream"
) -> "Iterator[tuple[av.Packet[av.VideoStream], bool]]":
    """All packets of the videos that were there at the opening, and for each whether it is of `stream`."""
    try:
        for packet in container.demux(container.streams.video):
            yield packet, packet.stream.index == stream.index
    except IndexError:
        # PyAV ends with looking for a stream that began later, in a list that has only those of the opening; what
        # decoders still hold of these has come by then.
        return
