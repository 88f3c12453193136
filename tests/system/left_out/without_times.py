"""`corridor` on a machine whose decoder loses the time stamp of every tenth frame of a stream."""

from collections.abc import Iterable, Iterator

import av

from deploy.cli.main import main
from ingest.network.stream_decoder import StreamDecoder

_frames = StreamDecoder.frames


def _spoilt(self: StreamDecoder, arriving: "Iterable[av.Packet[av.VideoStream]]") -> Iterator[av.VideoFrame]:
    for number, frame in enumerate(_frames(self, arriving)):
        frame.pts = None if number % 10 == 9 else frame.pts
        yield frame


if __name__ == "__main__":
    StreamDecoder.frames = _spoilt  # type: ignore[method-assign]
    main()
