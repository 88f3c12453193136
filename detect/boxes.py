"""Arithmetic on boxes: (N, 4) float32 xyxy in pixels, x to the right, y down."""

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """(N,) areas in square pixels; a box turned inside out has none."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def intersections(left: Boxes, right: Boxes) -> NDArray[np.float32]:
    """(N, M) areas that each of N boxes shares with each of M, in square pixels."""
    low = np.maximum(left[:, None, :2], right[None, :, :2])
    high = np.minimum(left[:, None, 2:], right[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def iou(left: Boxes, right: Boxes) -> NDArray[np.float32]:
    """(N, M) intersection over union; 0 where both boxes are empty."""
    shared = intersections(left, right)
    union = areas(left)[:, None] + areas(right)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float32)


def covered(boxes: Boxes) -> NDArray[np.float32]:
    """(N,) the largest share of each box that a nearer vehicle's box covers.

    On a road seen from above the vehicle whose lower edge is further down the image is the nearer one, so only
    such boxes can occlude.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.float32)
    shared = intersections(boxes, boxes)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    share = shared / np.maximum(areas(boxes)[:, None], 1e-6)
    return np.asarray(np.where(nearer, share, 0).max(axis=1), np.float32)


def touches_border(boxes: Boxes, size: tuple[int, int], margin_px: float = 2.0) -> NDArray[np.bool_]:
    """(N,) bool, True for a box within `margin_px` of the edge of an image of (width, height), or beyond it.

    The vehicle may be cut off there.
    """
    width, height = size
    low = (boxes[:, :2] <= margin_px).any(axis=1)
    high = (boxes[:, 2] >= width - margin_px) | (boxes[:, 3] >= height - margin_px)
    return np.asarray(low | high, np.bool_)


def clip(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Clip boxes to an image of (width, height)."""
    width, height = size
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))


def suppress(boxes: Boxes, scores: NDArray[np.float32], max_iou: float) -> NDArray[np.int64]:
    """Rows left by non-maximum suppression, highest score first: no two of them have an IoU above `max_iou`."""
    sides = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).astype(np.float64)
    kept = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, max_iou)
    return np.asarray(kept, np.int64).reshape(-1)
