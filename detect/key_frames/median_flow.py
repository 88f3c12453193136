"""Boxes from one picture to the next by what moves inside them: median flow (Kalal, Mikolajczyk and Matas 2010)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes
from ingest.frame import Image

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

MAX_WIDTH_PX = 480
"""Vehicles are followed in a picture of this width at most: what counts is how many pixels change, not how fine."""
POINTS = 5
"""A box is followed by a grid of this many points squared; 8 were no better and took four times as long."""
INNER_SHARE = 0.8
"""The grid lies in this share of the box's sides: nearer to its edges it is road."""
WINDOW_PX = (15, 15)
LEVELS = 4
"""Halvings of the picture: a vehicle may go some 100 pixels from one frame to the next."""
MAX_RETURN_PX = 1.0
"""A point that comes back further than this from where it began was lost on the way."""
MIN_RETURNED_SHARE = 0.25
"""A box of whose points fewer than this come back is not to be trusted."""
SCALES = (0.8, 1.25)
"""What a vehicle can shrink or grow by from one frame to the next; the rest is a slip of the flow."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """N boxes in the next picture: `boxes` (N, 4) float32 xyxy pixels, `sure` (N,) bool.

    They are not cut to the picture, since a box that is cut again and again stays at its edge as the vehicle leaves.
    A box that is not sure went on as it had gone before.
    """

    boxes: Boxes
    sure: NDArray[np.bool_]


def grey(image: Image) -> Grey:
    """The brightness of a picture, made smaller where it is wider than MAX_WIDTH_PX."""
    picture = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = picture.shape
    if width > MAX_WIDTH_PX:
        size = (MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def carry(before: Grey, after: Grey, boxes: Boxes, moved: NDArray[np.float32], size: tuple[int, int]) -> Carried:
    """Where the boxes of one picture are in the next.

    `before` and `after` are as `grey` makes them; `boxes` (N, 4) and `moved` (N, 2), how far they went the last time,
    are in pixels of pictures of `size` (width, height).
    """
    if len(boxes) == 0:
        return Carried(boxes, np.zeros(0, np.bool_))
    scale = np.array([after.shape[1], after.shape[0]], np.float32) / np.array(size, np.float32)
    small: Boxes = boxes * np.tile(scale, 2)
    steps = np.asarray(moved * scale, np.float32)
    points = _grids(small)
    there, back = _follow(before, after, points, np.asarray(points + steps[:, None, :], np.float32))
    returned = np.linalg.norm(back - points, axis=2) < MAX_RETURN_PX
    sure = returned.mean(axis=1) >= MIN_RETURNED_SHARE
    result: Boxes = small + np.tile(steps, 2)
    for row in np.flatnonzero(sure):
        good = returned[row]
        result[row] = _moved(small[row], points[row, good], there[row, good])
    return Carried(np.asarray(result / np.tile(scale, 2), np.float32), sure)


def _grids(boxes: Boxes) -> NDArray[np.float32]:
    """(N, POINTS squared, 2) points evenly within each box."""
    steps = 0.5 + INNER_SHARE * (np.linspace(0, 1, POINTS) - 0.5)
    x = boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])
    y = boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])
    grid = np.stack([np.tile(x, POINTS), np.repeat(y, POINTS, axis=1)], axis=2)
    return np.asarray(grid, np.float32)


def _follow(
    before: Grey, after: Grey, points: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where points are in the next picture, and where these come from; infinite where that was not found."""
    here, start = points.reshape(-1, 1, 2), guess.reshape(-1, 1, 2)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, here, start.copy(), winSize=WINDOW_PX, maxLevel=LEVELS, flags=flags
    )
    back, came, _ = cv2.calcOpticalFlowPyrLK(
        after, before, there, there + here - start, winSize=WINDOW_PX, maxLevel=LEVELS, flags=flags
    )
    back[(found == 0) | (came == 0)] = np.inf
    shape = points.shape
    return np.asarray(there, np.float32).reshape(shape), np.asarray(back, np.float32).reshape(shape)


def _moved(box: NDArray[np.float32], points: NDArray[np.float32], there: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box after the median step of its points, and the median change of the distances between them."""
    first, second = np.triu_indices(len(points), 1)
    was = np.linalg.norm(points[first] - points[second], axis=1)
    now = np.linalg.norm(there[first] - there[second], axis=1)
    scale = np.clip(np.median(now / was), *SCALES) if len(first) else 1.0
    middle = (box[:2] + box[2:]) / 2 + np.median(there - points, axis=0)
    half = (box[2:] - box[:2]) / 2 * scale
    return np.asarray(np.concatenate([middle - half, middle + half]), np.float32)
