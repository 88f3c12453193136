"""Resizing of images to an encoder's input, the same way in training and in use."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def resized(image: NDArray[Any], size_hw: tuple[int, int]) -> NDArray[Any]:
    """Resize (h, w, C) to (H, W, C), whatever its aspect ratio; averaged where it shrinks both ways, else interpolated.

    `size_hw` is (H, W) in pixels; an image that has this size is returned itself.
    """
    height, width = size_hw
    if image.shape[:2] == size_hw:
        return image
    smaller = image.shape[0] > height and image.shape[1] > width
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))
