"""Rectangles of whole pixels, (left, top, right, bottom)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rect = tuple[int, int, int, int]


def around(points: NDArray[np.floating], pad_px: int, width: int, height: int) -> Rect:
    """Rectangle around (N, 2) pixels with a margin, cut at the image's edges; empty when outside."""
    if not len(points):
        return 0, 0, 0, 0
    low, high = np.floor(points.min(0)) - pad_px, np.ceil(points.max(0)) + pad_px
    left, top = (int(np.clip(value, 0, end)) for value, end in zip(low, (width, height), strict=True))
    right, bottom = (int(np.clip(value, 0, end)) for value, end in zip(high, (width, height), strict=True))
    return left, top, right, bottom


def overlap(one: Rect, other: Rect) -> bool:
    """Test two rectangles for common pixels."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def merge(rects: Sequence[Rect]) -> list[Rect]:
    """Merge rectangles until none overlap: overlapping ones become the one around them."""
    merged: list[Rect] = []
    for rect in rects:
        while touching := next((other for other in merged if overlap(rect, other)), None):
            merged.remove(touching)
            rect = (
                min(rect[0], touching[0]),
                min(rect[1], touching[1]),
                max(rect[2], touching[2]),
                max(rect[3], touching[3]),
            )
        merged.append(rect)
    return merged
