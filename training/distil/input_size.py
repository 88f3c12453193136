"""Input size of a student: as small as the vehicles allow, since that is what its speed depends on."""

from collections.abc import Sequence

import numpy as np

from training.distil.labels import LabelledFrame
from training.distil.network import COARSEST

SMALL_PX = 8.0
"""The shorter side of a small vehicle in the input: two cells."""

SMALL_SHARE = 0.05
"""Share of the vehicles that are smaller than what counts as small."""

WIDTHS = (256, 512)


def input_size(frames: Sequence[LabelledFrame], sure: float) -> tuple[int, int]:
    """Width and height in pixels, multiples of COARSEST, at the cameras' usual aspect ratio; no wider than a frame."""
    widest = max(each.size[0] for each in frames)
    aspect = float(np.median([each.size[1] / each.size[0] for each in frames]))
    shares = [
        min(right - left, bottom - top) / each.size[0]
        for each in frames
        for left, top, right, bottom in each.found.boxes[each.found.scores >= sure].tolist()
    ]
    wanted = SMALL_PX / max(float(np.quantile(shares, SMALL_SHARE)), 1e-6)
    width = _rounded(min(max(wanted, WIDTHS[0]), WIDTHS[1], max(widest, 2 * COARSEST)))
    return width, _rounded(width * aspect)


def _rounded(side: float) -> int:
    return max(2, round(side / COARSEST)) * COARSEST
