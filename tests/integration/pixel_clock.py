"""Frames that carry their own capture time, so that what a stream says about it can be checked."""

from collections.abc import Iterator

import numpy as np

from ingest.clock import NS, SystemClock
from ingest.frame import Image
from ingest.network.access_unit import AccessUnit
from ingest.network.h264 import encoded_units

SIZE = (256, 160)
_CELL = 16  # pixels of a bit's side
_BITS = 64  # of the capture time in microseconds; four rows of cells
FPS = 15


def draw(captured_ns: int, index: int, size: tuple[int, int] = SIZE) -> Image:
    """A frame of (H, W, 3): the bits of `captured_ns` in microseconds on top, squares that move below."""
    width, height = size
    image = np.full((height, width, 3), 96, np.uint8)
    bits = captured_ns // 1000 >> np.arange(_BITS) & 1
    cells = np.kron(bits.reshape(4, 16), np.ones((_CELL, _CELL), np.int64))
    image[: 4 * _CELL, : 16 * _CELL] = (cells * 200 + 20)[..., None].astype(np.uint8)
    left = 4 * index % (width - 32)
    image[80:112, left : left + 32] = (40, 60, 220)
    image[120:140, width - 32 - left : width - left] = (220, 90, 30)
    return image


def read(image: Image) -> int:
    """The capture time drawn into a frame, Unix nanoseconds to the microsecond."""
    cells = image[: 4 * _CELL, : 16 * _CELL].mean(axis=2)
    middle = cells.reshape(4, _CELL, 16, _CELL)[:, 4:12, :, 4:12].mean(axis=(1, 3))
    return int(((middle.ravel() > 120) << np.arange(_BITS, dtype=np.int64)).sum()) * 1000


def timed_frames(frames_per_s: float = FPS, count: int | None = None) -> Iterator[tuple[int, Image]]:
    """Frames drawn at the moment they show, in real time."""
    clock = SystemClock()
    began_ns = clock.now_ns()
    index = 0
    while count is None or index < count:
        captured_ns = began_ns + round(index * NS / frames_per_s)
        clock.sleep((captured_ns - clock.now_ns()) / NS)
        yield captured_ns, draw(captured_ns, index)
        index += 1


def live_units(
    frames_per_s: float = FPS, *, key_interval_s: float = 1.0, count: int | None = None
) -> Iterator[AccessUnit]:
    """The pictures as H.264, as a camera would send them."""
    return encoded_units(timed_frames(frames_per_s, count), frames_per_s, key_interval_s=key_interval_s)
