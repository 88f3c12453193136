"""Images, and boxes in them, to test SAM with."""

import numpy as np

BOXES = np.array([[10, 5, 60, 50], [3.4, 20.2, 88.8, 71.9], [0, 0, 120, 90], [70, 8, 80, 12]], np.float32)


def noise_image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (height, width, 3), np.uint8)


def red_box(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[...] = (255, 255, 0)  # blue and green: red in RGB as in BGR would prove nothing
    left, top, right, bottom = box
    image[top:bottom, left:right] = (0, 0, 255)
    return image
