"""Decoded frames as a player shows them: turned, mirrored, with square pixels."""

import struct
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import SideData

from ingest.frame import Image

WIDEST = 4
"""Pixels more than this many times wider than high, or higher than wide, are a mistake of whoever wrote the stream."""


def image_of(frame: av.VideoFrame, stream: "av.VideoStream") -> Image:
    """The frame as it is displayed, (H, W, 3) uint8 BGR.

    Pixels that are not square are made so by the width, as players do; then the display matrix of the container (or
    of the stream's own SEI) turns and mirrors by quarter turns.
    """
    width = _square_width(frame.width, stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio)
    if width != frame.width:
        frame = frame.reformat(width=width, format="bgr24")
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return turned(image, bytes(matrix)) if isinstance(matrix, SideData) else image


def _square_width(width: int, pixel_aspect: Fraction | None) -> int:
    """The width in square pixels; `pixel_aspect` is width over height of a stored pixel, None or 0 if nobody said."""
    if not pixel_aspect or not Fraction(1, WIDEST) <= pixel_aspect <= WIDEST:
        return width
    return round(width * pixel_aspect)


def turned(image: Image, matrix: bytes) -> Image:
    """Apply a display matrix to (H, W, 3): 9 int32 of the machine's order (ISO 14496-12, 6.2.2: a b u c d v x y w).

    A stored point (p, q) is shown at (a p + c q + x, b p + d q + y); x and y only move the image into view.
    """
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)
