"""Priors: the vehicle's place in a crop as an encoder takes it, one plane for the box and one for the mask."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detect.masks import Mask

EVERYTHING = np.array([0, 0, 1, 1], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Prior: the box and the mask of the vehicle in an image.

    `box` (4,) float32 xyxy as shares of the image's width and height; `mask` (H, W) bool over the whole image in
    any resolution, or None where only the box is known.
    """

    box: NDArray[np.float32]
    mask: Mask | None = None

    @classmethod
    def of(cls, box_xyxy: NDArray[np.floating], mask: Mask | None, size: tuple[int, int]) -> "Prior":
        """Make a prior from a box in pixels of an image of (width, height)."""
        width, height = size
        shares = np.asarray(box_xyxy, np.float32) / np.array([width, height, width, height], np.float32)
        return cls(np.clip(shares, 0, 1), mask)


def rasterise(prior: Prior | None, size: tuple[int, int]) -> NDArray[np.float32]:
    """Rasterise a prior to (2, h, w) float32 for a size of (w, h): exact shares of each cell in the box and the mask.

    Without a prior the whole image is the box; without a mask the mask is the box.
    """
    box = EVERYTHING if prior is None else prior.box
    planes = np.empty((2, size[1], size[0]), np.float32)
    planes[0] = np.outer(_covered(size[1], box[1], box[3]), _covered(size[0], box[0], box[2]))
    planes[1] = planes[0] if prior is None or prior.mask is None else _averaged(prior.mask, size)
    return planes


def box_only(prior: Prior | None) -> Prior | None:
    """Drop the mask of a prior."""
    return None if prior is None else replace(prior, mask=None)


def _covered(cells: int, low: float, high: float) -> NDArray[np.float64]:
    """Shares (cells,) of equal cells of a line of length 1 that lie between low and high."""
    return np.asarray(np.diff(np.clip(np.arange(cells + 1) / cells, low, high)) * cells, np.float64)


def _averaged(mask: Mask, size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) float32, the share of each cell that the mask (H, W) covers."""
    rows = _mean_rows(mask, size[1])
    return np.clip(_mean_rows(rows.T, size[0]).T, 0, 1)


def _mean_rows(values: NDArray[np.generic], cells: int) -> NDArray[np.float32]:
    """(cells, W) means of (H, W) rows over `cells` equal stretches: differences of running sums at the edges."""
    height, width = values.shape
    sums = np.zeros((height + 1, width), np.float32)
    np.cumsum(values, axis=0, out=sums[1:])
    places = np.arange(cells + 1, dtype=np.float32) * np.float32(height / cells)
    lower = np.minimum(places.astype(np.int64), height - 1)
    # Linear in between, and exactly so, as a row is the same all over.
    at_edges = (places - lower)[:, None] * (sums[lower + 1] - sums[lower]) + sums[lower]
    return np.asarray(np.diff(at_edges, axis=0) * np.float32(cells / height), np.float32)
