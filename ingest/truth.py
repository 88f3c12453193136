"""Ground truth of a frame, where it is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TrueSighting:
    """One vehicle in one frame.

    vehicle_id: the same in every camera. kind: car, van, truck, bus or motorcycle.
    box_xyxy: bounds the visible pixels, whole pixels, right and bottom just beyond the last one.
    full_xyxy: bounds the pixels that the body would have alone in an endless image; what is nearer than 2.5 m in
    front of the camera is left out.
    visible: share in [0, 1] of the whole body that can be seen; what is beyond the image's edge or hidden cannot.
    occluded: share in [0, 1] of the body's pixels within the image that something else hides.
    ground_m: (x, y) of the middle of the body on the ground. heading_deg: 0 looks along y, counter-clockwise.
    mask_bits: the visible pixels of the box row by row, a bit each, the first in the highest bit of its byte.
    """

    vehicle_id: int
    kind: str
    box_xyxy: tuple[int, int, int, int]
    full_xyxy: tuple[int, int, int, int]
    visible: float
    occluded: float
    ground_m: tuple[float, float]
    heading_deg: float
    mask_bits: bytes

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Mask of the visible pixels, (h, w) bool of the box."""
        left, top, right, bottom = self.box_xyxy
        height, width = bottom - top, right - left
        bits = np.unpackbits(np.frombuffer(self.mask_bits, np.uint8), count=height * width)
        return bits.reshape(height, width).astype(bool)


def pack_mask(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> bytes:
    """Pack (h, w) pixels, those that are not 0, to `mask_bits`."""
    return np.packbits(mask != 0).tobytes()


@dataclass(frozen=True, slots=True)
class TrueFrame:
    """Ground truth of one frame.

    sequence: counts the camera's frames from 0, those of an outage as well. captured_ns: when it really was captured,
    Unix nanoseconds. camera_ns: when the camera believes it was: the same where its clock is right.
    """

    sequence: int
    captured_ns: int
    camera_ns: int
    sightings: tuple[TrueSighting, ...]


def encode_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Encode (h, w) pixels as run lengths, column by column, beginning with False (COCO's `counts`)."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return [int(run) for run in np.diff(changes, prepend=0, append=len(flat))]


def decode_mask(runs: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode run lengths to (h, w) pixels, `size` is (w, h); raises ValueError where they are not as many."""
    width, height = size
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    if len(flat) != width * height:
        raise ValueError(f"a mask of {len(flat)} pixels in a box of {width} x {height}")
    return flat.reshape((height, width), order="F")
