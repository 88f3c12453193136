"""A frame: the image, the camera it is from, and when it was captured."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8, BGR as OpenCV has it."""


class ClockQuality(StrEnum):
    """Quality of a capture time, by the clock it is from."""

    RTCP = "rtcp"  # the camera's own clock, from RTCP sender reports
    PLAYLIST = "playlist"  # the clock of whoever packed an HLS stream, from EXT-X-PROGRAM-DATE-TIME
    ARRIVAL = "arrival"  # when the frame reached us: late by the network and the decoder
    FILE = "file"  # media time of a recording, counted from its configured start
    SYNTHETIC = "synthetic"  # the renderer's clock: exact


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame of one camera.

    `sequence` counts the decoded frames of a session from 0, so a gap in it is a frame that was dropped.
    `captured_ns` is Unix time in nanoseconds. `image` is (H, W, 3) uint8 BGR and is not to be written to.
    """

    camera_id: str
    sequence: int
    captured_ns: int
    clock: ClockQuality
    image: Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.image.shape[:2]
        return width, height
