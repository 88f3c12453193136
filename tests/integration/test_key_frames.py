"""Less work for the processor: key frames only, and all of them again."""

from collections.abc import Iterator
from itertools import islice, pairwise

from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.feed import limit_decoding
from ingest.frame import Frame
from ingest.network.access_unit import AccessUnit
from ingest.network.h264 import encoded_units
from ingest.network.streamed import StreamedVideo
from tests.ingest.clips import SIZE, clip_image

FPS = 20
KEY_S = 0.5


def live() -> Iterator[AccessUnit]:
    start_ns = SystemClock().now_ns()
    frames = ((start_ns + index * NS // FPS, clip_image(index, SIZE)) for index in range(FPS * 60))
    return encoded_units(frames, FPS, key_interval_s=KEY_S)


def left_of(frame: Frame) -> int:
    """The first column of the red square."""
    row = frame.image[45].astype(int)
    return int((row[:, 2] - row[:, 0] > 90).argmax())


def test_only_key_frames_and_then_all_again() -> None:
    with RtspServer() as server:
        server.add("/live", live)
        source = StreamedVideo(Camera(id="a", source=server.url("/live")), None)
        frames = source.frames()
        list(islice(frames, 30))
        assert source.key_interval_s == KEY_S
        limit_decoding(source, frames_per_s=1.0)
        list(islice(frames, 15))  # takes effect at a key frame
        sparse = [frame.captured_ns for frame in islice(frames, 4)]
        limit_decoding(source, frames_per_s=8.0)
        list(islice(frames, 4))
        dense = list(islice(frames, 20))
        source.close()
    steps_s = [(later - earlier) / NS for earlier, later in pairwise(sparse)]
    assert all(abs(step - KEY_S) < 0.05 for step in steps_s)
    assert (dense[-1].captured_ns - dense[0].captured_ns) / NS < 1.2
    # Nothing is smeared: the square moves two pixels a frame, until it begins again at the left.
    moves = [later - earlier for earlier, later in pairwise(left_of(frame) for frame in dense)]
    assert sum(0 <= move <= 4 for move in moves) >= len(moves) - 1
