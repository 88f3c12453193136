"""Masks of vehicles in crops: the interface of a masker, and the maskers that need no network."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image

Mask = NDArray[np.bool_]
"""(H, W) bool, True on the vehicle."""


class Masker(Protocol):
    """A masker of the vehicle in a crop; called only for the few crops that a tracklet is embedded from.

    `image` is (H, W, 3) uint8 BGR with some surroundings; `box_xyxy` the vehicle's box in it, in pixels. Returns an
    (H, W) mask that is empty outside the box.
    """

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask: ...


def never_empty(mask: Mask) -> Mask:
    """Replace an empty mask by the whole crop: an encoder needs something to look at."""
    return mask if mask.any() else np.ones_like(mask)


class BoxMasker:
    """Masker that takes the whole box as the mask."""

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        left, top, right, bottom = _pixels(box_xyxy, image)
        mask = np.zeros(image.shape[:2], np.bool_)
        mask[top:bottom, left:right] = True
        return mask


class EllipseMasker:
    """Masker that takes the ellipse inscribed in the box as the mask: a rough outline that costs next to nothing."""

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        return _ellipse(image.shape[:2], _pixels(box_xyxy, image))


class GrabCutMasker:
    """GrabCut (Rother et al. 2004) from the box: colour models of inside and outside, a cut between them.

    Crops are worked on at most `side_px` long, in `iterations` rounds of fitting the models and cutting. Where the cut
    keeps next to nothing or has no outside to learn from, an ellipse in the box stands in, because half a mask misleads
    more than a rough one.
    """

    def __init__(self, *, iterations: int = 2, side_px: int = 96) -> None:
        self._iterations = iterations
        self._side_px = side_px

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        # Step 1: a small copy of the crop
        height, width = image.shape[:2]
        scale = min(1.0, self._side_px / max(height, width))
        small = np.ascontiguousarray(image)
        if scale < 1:
            small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        # Step 2: background outside the box, a likely vehicle in the ellipse, likely background between the two
        left, top, right, bottom = _pixels(box_xyxy * scale, small)
        labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
        labels[top:bottom, left:right] = cv2.GC_PR_BGD
        labels[_ellipse(labels.shape, (left, top, right, bottom))] = cv2.GC_PR_FGD
        oval = labels == cv2.GC_PR_FGD
        # Step 3: the cut, where there is an outside to learn from
        if oval.any() and (labels == cv2.GC_BGD).any():
            cv2.setRNGSeed(0)  # GrabCut starts its clusters at random
            models = np.zeros((2, 1, 65), np.float64)
            no_rectangle = (0, 0, 1, 1)  # the labels say it all
            cv2.grabCut(small, labels, no_rectangle, models[0], models[1], self._iterations, cv2.GC_INIT_WITH_MASK)
        # Step 4: the ellipse instead, where the cut keeps next to nothing
        mask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        if mask.sum() < 0.3 * oval.sum():
            mask = oval
        return np.asarray(cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), np.bool_)


def _pixels(box_xyxy: NDArray[np.float32], image: Image) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    left, top = np.floor(box_xyxy[:2]).astype(int)
    right, bottom = np.ceil(box_xyxy[2:]).astype(int)
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def _ellipse(shape: tuple[int, ...], box: tuple[int, int, int, int]) -> Mask:
    left, top, right, bottom = box
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    across = (columns + 0.5 - (left + right) / 2) / max((right - left) / 2, 0.5)
    down = (rows + 0.5 - (top + bottom) / 2) / max((bottom - top) / 2, 0.5)
    return np.asarray(across**2 + down**2 <= 1.0, np.bool_)
