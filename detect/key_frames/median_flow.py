"""Boxes from one frame to the next by the motion inside them: median flow (Kalal, Mikolajczyk and Matas 2010)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes
from ingest.frame import Image

GrayImage = NDArray[np.uint8]
"""(H, W) uint8 grayscale."""

MAX_WIDTH_PX = 480
"""Vehicles are followed in an image of this width at most: what counts is how many pixels change, not how fine."""
GRID_POINTS = 5
"""A box is followed by a grid of this many points squared; 8 were no better and took four times as long."""
GRID_SHARE = 0.8
"""The grid lies in this share of the box's sides: nearer to its edges it is road."""
WINDOW_PX = (15, 15)
PYRAMID_LEVELS = 4
"""Halvings of the image: a vehicle may go some 100 pixels from one frame to the next."""
MAX_FORWARD_BACKWARD_PX = 1.0
"""A point that comes back further than this from where it began was lost on the way."""
MIN_RELIABLE_SHARE = 0.25
"""A box of whose points fewer than this come back is not reliable."""
SCALE_RANGE = (0.8, 1.25)
"""Range of the change of a vehicle's size from one frame to the next; beyond it the flow has slipped."""


@dataclass(frozen=True, slots=True, eq=False)
class MedianFlowResult:
    """N boxes in the next frame: `boxes` (N, 4) float32 xyxy pixels, `reliable` (N,) bool.

    They are not cut to the frame, since a box that is cut again and again stays at its edge as the vehicle leaves.
    A box that is not reliable went on as it had gone before.
    """

    boxes: Boxes
    reliable: NDArray[np.bool_]


def to_grayscale(image: Image) -> GrayImage:
    """Convert an image to grayscale, shrunk to MAX_WIDTH_PX where it is wider."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    if width > MAX_WIDTH_PX:
        size = (MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)


def propagate_boxes(
    before: GrayImage, after: GrayImage, boxes: Boxes, displacement_px: NDArray[np.float32], size: tuple[int, int]
) -> MedianFlowResult:
    """Propagate boxes from one frame to the next.

    `before` and `after` are as `to_grayscale` makes them; `boxes` (N, 4) and `displacement_px` (N, 2), their
    last step, are in pixels of frames of `size` (width, height).
    """
    if len(boxes) == 0:
        return MedianFlowResult(boxes, np.zeros(0, np.bool_))
    # Step 1: boxes and their last displacements in pixels of the grayscale images
    scale = np.array([after.shape[1], after.shape[0]], np.float32) / np.array(size, np.float32)
    small: Boxes = boxes * np.tile(scale, 2)
    steps = np.asarray(displacement_px * scale, np.float32)
    # Step 2: optical flow of a grid of points, forwards from where the last displacement leads, then backwards
    points = _point_grids(small)
    forward, backward = _forward_backward(before, after, points, np.asarray(points + steps[:, None, :], np.float32))
    # Step 3: keep points that come back to where they began; a box with too few of them is not reliable
    consistent = np.linalg.norm(backward - points, axis=2) < MAX_FORWARD_BACKWARD_PX
    reliable = consistent.mean(axis=1) >= MIN_RELIABLE_SHARE
    # Step 4: median motion of the consistent points; boxes that are not reliable go on as before
    result: Boxes = small + np.tile(steps, 2)
    for row in np.flatnonzero(reliable):
        good = consistent[row]
        result[row] = _median_motion(small[row], points[row, good], forward[row, good])
    return MedianFlowResult(np.asarray(result / np.tile(scale, 2), np.float32), reliable)


def _point_grids(boxes: Boxes) -> NDArray[np.float32]:
    """(N, GRID_POINTS squared, 2) points evenly within each box."""
    steps = 0.5 + GRID_SHARE * (np.linspace(0, 1, GRID_POINTS) - 0.5)
    x = boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])
    y = boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])
    grid = np.stack([np.tile(x, GRID_POINTS), np.repeat(y, GRID_POINTS, axis=1)], axis=2)
    return np.asarray(grid, np.float32)


def _forward_backward(
    before: GrayImage, after: GrayImage, points: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Track points (N, P, 2) to the next image by optical flow, and back; infinite on the way back where lost.

    `guess` (N, P, 2) is where the search in the next image begins.
    """
    here, start = points.reshape(-1, 1, 2), guess.reshape(-1, 1, 2)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    forward, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, here, start.copy(), winSize=WINDOW_PX, maxLevel=PYRAMID_LEVELS, flags=flags
    )
    backward, came, _ = cv2.calcOpticalFlowPyrLK(
        after, before, forward, forward + here - start, winSize=WINDOW_PX, maxLevel=PYRAMID_LEVELS, flags=flags
    )
    backward[(found == 0) | (came == 0)] = np.inf
    shape = points.shape
    return np.asarray(forward, np.float32).reshape(shape), np.asarray(backward, np.float32).reshape(shape)


def _median_motion(
    box: NDArray[np.float32], points: NDArray[np.float32], forward: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Move a box by the median step of its points and scale it by the median change of the distances between them."""
    first, second = np.triu_indices(len(points), 1)
    was = np.linalg.norm(points[first] - points[second], axis=1)
    now = np.linalg.norm(forward[first] - forward[second], axis=1)
    scale = np.clip(np.median(now / was), *SCALE_RANGE) if len(first) else 1.0
    middle = (box[:2] + box[2:]) / 2 + np.median(forward - points, axis=0)
    half = (box[2:] - box[:2]) / 2 * scale
    return np.asarray(np.concatenate([middle - half, middle + half]), np.float32)
