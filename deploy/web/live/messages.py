"""Messages of live video, from a worker to a server and from that to a page, and the reading of them from a stream."""

import struct
from typing import BinaryIO

from ingest.network.packet_tap import VideoPacket

HEAD = struct.Struct(">BBq")
"""Kind, 1 for a key frame, capture time in Unix microseconds; the data follow."""
VIDEO, STILL, TEXT, ALIVE = 1, 2, 3, 4
LENGTH = struct.Struct(">I")
LARGEST = 32_000_000
"""Bytes of a message; a stream that names more is not one of ours."""


def packed(message: VideoPacket | bytes) -> bytes:
    """A packet, or text, for a stream: its length, its head, its data."""
    if isinstance(message, VideoPacket):
        return _framed(HEAD.pack(VIDEO, message.key, message.captured_ns // 1000), message.data)
    return _framed(HEAD.pack(TEXT, 0, 0), message)


def alive() -> bytes:
    """A message that says nothing but that the sender is there."""
    return _framed(HEAD.pack(ALIVE, 0, 0), b"")


def read_message(stream: BinaryIO) -> VideoPacket | bytes:
    """The next message of a stream, empty where it has no content; raises OSError at its end, or for another stream."""
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    if not HEAD.size <= length <= LARGEST:
        raise OSError(f"a message of {length} bytes")
    message = _read(stream, length)
    kind, key, at_us = HEAD.unpack_from(message)
    data = message[HEAD.size :]
    return VideoPacket(at_us * 1000, key == 1, "", data) if kind == VIDEO else data


def _framed(head: bytes, data: bytes) -> bytes:
    return LENGTH.pack(len(head) + len(data)) + head + data


def _read(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise OSError("the stream has ended")
    return found
