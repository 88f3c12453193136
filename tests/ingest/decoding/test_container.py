"""Packets of a container whose streams are not all there when it is opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from ingest.decoding.container import packets
from tests.ingest.clips import write_clip


class _WithLaterStream:
    """A container of PyAV's in which a stream began later: at the end it looks for it in a list too short."""

    def __init__(self, container: "av.container.InputContainer") -> None:
        self.streams, self._container = container.streams, container

    def demux(self, streams: Any) -> "Iterator[av.Packet[Any]]":
        yield from self._container.demux(streams)
        raise IndexError("list index out of range")


def test_all_packets_come_although_a_stream_began_later(tmp_path: Path) -> None:
    with av.open(str(write_clip(tmp_path / "a.mp4", 30))) as container:
        later: Any = _WithLaterStream(container)
        decoded = [
            frame for packet, ours in packets(later, container.streams.video[0]) if ours for frame in packet.decode()
        ]
    assert len(decoded) == 30
